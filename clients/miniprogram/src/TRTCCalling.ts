/** `<TRTCCalling>`: the component of the guide. It shows nothing until there is a call. */

import { GUIDE_EVENT, TIM, type CallParameters } from "@tring/core"
import { Calling, type Component as Host } from "./lib/calling.js"

/** What the framework calls `this`, with what is added to it in `created`. */
interface Self extends Host {
  EVENT: typeof GUIDE_EVENT
  calling: Calling
}

interface TagEvent {
  detail: { code?: number; errCode?: number; info?: object; volume?: number }
  currentTarget: { dataset: { id?: string } }
}

/** Methods are called on the component. */
function of(component: unknown): Calling {
  return (component as Self).calling
}

Component({
  properties: {
    config: { type: Object, value: { sdkAppID: 0, userID: "", userSig: "", type: 1 } },
    /** True: a call goes on in the background, by voice. False: it is hung up. */
    backgroundMute: { type: Boolean, value: false },
    /** Known to pages of 2020. */
    pusherAvatar: { type: String, value: "" },
    remoteAvatar: { type: String, value: "" },
  },
  data: {
    phase: "",
    video: false,
    name: "",
    initials: "",
    avatarStyle: "",
    glowStyle: "",
    status: "",
    hint: "",
    seen: false,
    selfSeen: false,
    swapped: false,
    microphone: true,
    camera: true,
    soundMode: "speaker",
    pushes: false,
    pusherUrl: "",
    enableCamera: false,
    front: true,
    players: [],
    captions: {},
    // For pages, as before.
    callStatus: "idle",
    isSponsor: false,
  },
  lifetimes: {
    created() {
      const self = this as unknown as Self
      // Pages bind handlers and sign in before anything of this component is on the screen.
      self.EVENT = GUIDE_EVENT
      self.calling = new Calling(self)
    },
    attached() {
      of(this).attach()
    },
    detached() {
      of(this).detach()
    },
  },
  pageLifetimes: {
    show() {
      of(this).show(true)
    },
    hide() {
      of(this).show(false)
    },
  },
  methods: {
    // --- the guide's ---

    on(event: string, handler: unknown, context?: unknown) {
      of(this).on(event, handler, context)
    },
    off(...given: unknown[]) {
      of(this).off(given)
    },
    login() {
      return of(this).login()
    },
    logout() {
      return of(this).logout()
    },
    call(parameters?: Partial<CallParameters>) {
      return of(this).call(parameters)
    },
    groupCall(_?: unknown) {
      return of(this).notAvailable("groupCall(): group calls are not possible yet")
    },
    accept() {
      return of(this).accept()
    },
    reject() {
      return of(this).reject()
    },
    hangup() {
      return of(this).hangup()
    },
    lastOneHangup(_?: unknown) {
      return of(this).hangup()
    },
    openCamera() {
      return of(this).setCamera(true)
    },
    closeCamera() {
      return of(this).setCamera(false)
    },
    setMicMute(isMute: boolean) {
      return of(this).setMicMute(isMute)
    },
    switchCamera(isFrontCamera?: boolean) {
      const { media } = of(this).phone
      media.useFront(typeof isFrontCamera === "boolean" ? isFrontCamera : !media.front)
    },
    setHandsFree(isHandsFree: boolean) {
      of(this).phone.view.useSpeaker(isHandsFree !== false)
    },
    startRemoteView(userID: string) {
      of(this).phone.media.showRemote(userID, true)
    },
    stopRemoteView(userID: string) {
      of(this).phone.media.showRemote(userID, false)
    },
    switchAudioCall() {
      return of(this).switchCall(1)
    },
    switchVideoCall() {
      return of(this).switchCall(2)
    },
    extractCallingInfoFromMessage(message: unknown) {
      return of(this).text(message)
    },
    handleNewMessage(data?: object, params?: { cmd?: string; roomID?: number; message?: string }) {
      const { cmd = "", roomID = 0, message = "" } = params || {}
      return { version: 4, businessID: "av_call", platform: "MiniApp", extraInfo: "", ...data, data: { cmd, room_id: roomID, message } }
    },
    getTim() {
      return TIM
    },

    // --- of the component after it ---

    init() {
      return of(this).login()
    },
    destroyed() {
      return of(this).destroyed()
    },

    // --- the template's ---

    /** Keeps the page below from scrolling. */
    onSwallow() {},
    onAnswer() {
      void of(this)
        .accept()
        .catch(() => {})
    },
    onDecline() {
      void of(this).reject()
    },
    onHangup() {
      void of(this).hangup()
    },
    onMicrophone() {
      of(this).toggleMicrophone()
    },
    onCamera() {
      of(this).toggleCamera()
    },
    onVoice() {
      void of(this).switchCall(1)
    },
    onFlip() {
      const { media } = of(this).phone
      media.useFront(!media.front)
    },
    onSpeaker() {
      const { view } = of(this).phone
      view.useSpeaker(!view.isSpeaker)
    },
    onSwap() {
      of(this).phone.view.swap()
    },
    onPusherState({ detail }: TagEvent) {
      of(this).phone.media.pusherState(detail.code)
    },
    onPusherError({ detail }: TagEvent) {
      of(this).phone.media.pusherError(detail.errCode)
    },
    onPusherNet({ detail }: TagEvent) {
      of(this).phone.media.pusherNetStatus(detail.info || {})
    },
    onPusherVolume({ detail }: TagEvent) {
      of(this).phone.media.pusherVolume(detail.volume)
    },
    onPlayerState({ detail, currentTarget }: TagEvent) {
      of(this).phone.media.playerState(String(currentTarget.dataset.id), detail.code)
    },
    onPlayerNet({ detail, currentTarget }: TagEvent) {
      of(this).phone.media.playerNetStatus(String(currentTarget.dataset.id), detail.info || {})
    },
    onPlayerVolume({ detail, currentTarget }: TagEvent) {
      of(this).phone.media.playerVolume(String(currentTarget.dataset.id), detail.volume)
    },
  },
})
