/**
 * The call client of Tring, without a screen and without media: session, calls, and the guide's events.
 *
 * It uses no DOM, no `wx`, no clock and no timer of its own; see {@link Platform} and {@link MediaPort}.
 */

export { hueOf, initials } from "./view/avatar.js"
export type { Call, CallEvent, CallOptions, Peer, Phase } from "./calls/call.js"
export { backoff } from "./session/backoff.js"
export { CallClient } from "./calls/call-client.js"
export { callTexts, endText } from "./view/texts.js"
export type { CallTexts, End, Language } from "./view/texts.js"
export { Connection } from "./session/connection.js"
export type { CloseReason, ConnectionEvent, ConnectionState, Credentials } from "./session/connection.js"
export { Emitter } from "./emitter.js"
export type { Unsubscribe } from "./emitter.js"
export { ERROR_TEXTS, errorTextOf } from "./view/error-texts.js"
export type { ErrorTexts } from "./view/error-texts.js"
export { CallError, asCallError } from "./errors.js"
export type { CallErrorCode, LocalErrorCode } from "./errors.js"
export { GUIDE_EVENT } from "./guide/event-names.js"
export { GuideApi, NOTHING_TO_REJECT } from "./guide/guide-api.js"
export type { CallParameters, GuideApiOptions, Fault, LoginParameters } from "./guide/guide-api.js"
export { guideEvents, recordOf } from "./guide/events.js"
export type { GuideEvent, GuideEventName, Surface } from "./guide/events.js"
export { answerMessage, callingInfo, clock, endMessage } from "./guide/message.js"
export type { GuideMessage } from "./guide/message.js"
export { TIM } from "./guide/tim.js"
export { Handlers } from "./guide/handlers.js"
export { pictureUnseen } from "./calls/active-call.js"
export { mediaOf, sdkAppIDNumber, typeOf, userIDText, userSigText } from "./guide/identity.js"
export type { Devices, MediaCall, MediaHost, MediaPort, MediaStatus, Streams, VoiceVolume } from "./calls/media-port.js"
export type { Cancel, LogLevel, Platform, SocketEvents, SocketLike } from "./session/platform.js"
export type { EndReason, ErrorCode, KickReason, MediaType, PlayStream, VideoCodec } from "./protocol.js"
