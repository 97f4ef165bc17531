/**
 * The call client of Tring, without a screen and without media: session, calls, and the guide's events.
 *
 * It uses no DOM, no `wx`, no clock and no timer of its own; see {@link Platform} and {@link MediaPort}.
 */

export { hueOf, initials } from "./avatar.js"
export type { Call, CallEvent, CallOptions, Peer, Phase } from "./call.js"
export { backoff } from "./backoff.js"
export { CallClient } from "./call-client.js"
export { callTexts, endText } from "./call-texts.js"
export type { CallTexts, End, Language } from "./call-texts.js"
export { Connection } from "./connection.js"
export type { CloseReason, ConnectionEvent, ConnectionState, Credentials } from "./connection.js"
export { Emitter } from "./emitter.js"
export type { Unsubscribe } from "./emitter.js"
export { ERROR_TEXTS, errorTextOf } from "./error-texts.js"
export type { ErrorTexts } from "./error-texts.js"
export { CallError, asCallError } from "./errors.js"
export type { CallErrorCode, LocalErrorCode } from "./errors.js"
export { GUIDE_EVENT } from "./event-names.js"
export { GuideDesk, NOTHING_TO_REJECT } from "./guide-desk.js"
export type { CallParameters, DeskOptions, Fault, LoginParameters } from "./guide-desk.js"
export { guideEvents, recordOf } from "./guide-events.js"
export type { GuideEvent, GuideEventName, Surface } from "./guide-events.js"
export { answerMessage, callingInfo, clock, endMessage } from "./guide-message.js"
export type { GuideMessage } from "./guide-message.js"
export { TIM } from "./guide-tim.js"
export { Handlers } from "./handlers.js"
export { pictureUnseen } from "./live-call.js"
export { mediaOf, sdkAppIDNumber, typeOf, userIDText, userSigText } from "./identity.js"
export type { Devices, MediaCall, MediaHost, MediaPort, MediaStatus, Streams, VoiceVolume } from "./media-port.js"
export type { Cancel, LogLevel, Platform, SocketEvents, SocketLike } from "./platform.js"
export type { EndReason, ErrorCode, KickReason, MediaType, PlayStream, VideoCodec } from "./protocol.js"
