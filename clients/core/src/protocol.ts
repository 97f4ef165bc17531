// Generated from crates/protocol by `make types`. Do not edit: change the Rust types.

/** The newest protocol version this build speaks. */
export const PROTOCOL_VERSION = 1

/**
 * Longest WebSocket text frame, in bytes. Higher: larger SDP offers fit. Lower: a hostile client holds less memory.
 * Chromium's offer with audio and video is about 7 kB; Firefox's about 5 kB.
 *
 * In JSON a line end takes twice its bytes, and so does a quote or a backslash: each offer of [`MAX_OFFER_BYTES`] fits, with
 * its call id, whatever an SDP has in it.
 */
export const MAX_MESSAGE_BYTES = 102400

/**
 * Longest userID, in bytes of UTF-8. The guide's documents say 32; a WeChat openid has 28.
 */
export const MAX_USER_ID_BYTES = 64

/**
 * Longest `data` that a caller attaches to an invitation, in bytes.
 */
export const MAX_CALL_DATA_BYTES = 1024

/**
 * Most people that one call invites at once (the caller not counted).
 */
export const MAX_CALLEES = 8

/**
 * Shortest ring that a caller may ask for, in seconds.
 */
export const RING_TIMEOUT_MIN_S = 5

/**
 * Longest ring that a caller may ask for, in seconds.
 */
export const RING_TIMEOUT_MAX_S = 300

/**
 * Ring timeout of a call that asks for none, in seconds (the guide's 30 s).
 */
export const RING_TIMEOUT_DEFAULT_S = 30

/**
 * The number of an app: one world of users, calls and rooms, fully separate from every other (the guide's SDKAppID).
 */
export type SdkAppId = number;

/**
 * A user's name inside one app (the guide's userID): UTF-8, 1 to [`MAX_USER_ID_BYTES`] bytes, none of the texts that
 * stand for "not set", no white space at its ends, and no control, zero-width, bidirectional or other character that
 * nobody sees, but for those that are part of an emoji (variation selector, joiner between two pictures, tags of a
 * flag) or choose between two ways to write a Chinese character.
 */
export type UserId = string;

/**
 * The name of one call (the `inviteID` of old pages): an opaque random text, unique across nodes.
 */
export type CallId = string;

/**
 * The number of a room, 1 to 4,294,967,295, unique among the live rooms of one app (the guide's roomID).
 */
export type RoomId = number;

/**
 * The text with which a user signs in, made by the app's own signing service.
 */
export type UserSig = string;

/**
 * The text with which a device takes up its session on a new socket.
 */
export type ResumeTicket = string;

/**
 * An address at which media is pushed or played, with the ticket that lets its device in.
 */
export type MediaUrl = string;

/**
 * Voice or video (the guide's `type`, where 1 is audio and 2 is video).
 */
export type MediaType = "audio" | "video";

/**
 * What pictures are encoded in.
 */
export type VideoCodec = "h264" | "vp8";

/**
 * Where a track of a user comes from. A user has each source at most once.
 */
export type Source = "microphone" | "camera" | "screen" | "screen_audio";

/**
 * A set of sources: those that are on, or allowed, or wanted. In messages a list of names in the order of
 * [`Source::ALL`]; names that this version does not know are passed over on reading.
 */
export type SourceSet = Array<Source>;

/**
 * What kind of program signs in. It decides how media reaches it.
 */
export type DeviceKind = "web" | "miniprogram" | "native";

/**
 * What a device says of itself when it signs in.
 */
export type DeviceInfo = { 
/**
 * What kind of program.
 */
kind: DeviceKind, };

/**
 * Why a call, or one leg of it, is over.
 */
export type EndReason = "hangup" | "cancel" | "reject" | "busy" | "no_response" | "timeout" | "answered_elsewhere" | "kicked" | "lost" | "server";

/**
 * Why a session was ended by the server.
 */
export type KickReason = "signed_in_elsewhere" | "app_deleted" | "too_slow";

/**
 * Why somebody's sound or picture does not reach everybody.
 */
export type StreamFault = "codec" | "b_frames" | "sound_format" | "picture_format" | "no_key_frames" | "server";

/**
 * Every way in which a request can fail.
 */
export type ErrorCode = "malformed" | "unknown_type" | "too_large" | "too_many" | "answer_forgotten" | "protocol_version" | "login_required" | "already_logged_in" | "app_unknown" | "user_id_invalid" | "sig_malformed" | "sig_wrong_app" | "sig_wrong_user" | "sig_bad" | "sig_expired" | "sig_not_yet_valid" | "ticket_invalid" | "signed_in_elsewhere" | "too_many_devices" | "call_self" | "callees_invalid" | "call_options" | "already_in_call" | "call_unknown" | "not_your_call" | "not_ringing" | "answered_elsewhere" | "switch_refused" | "source_unsupported" | "offer_invalid" | "offer_too_large" | "preconnect_refused" | "media_unavailable" | "overloaded" | "internal";

/**
 * What an [`crate::Answer`] says when a request failed.
 */
export type ErrorBody = { 
/**
 * For programs; never renamed.
 */
code: ErrorCode, 
/**
 * For people: what is wrong and what to do. May change.
 */
message: string, 
/**
 * True if the same request can succeed later without a change.
 */
retry?: boolean, };

/**
 * Who is called, and how.
 */
export type CallRequest = { 
/**
 * The callees, 1 to [`crate::limits::MAX_CALLEES`], each once, not the caller.
 */
to: Array<UserId>, 
/**
 * Voice or video.
 */
media: MediaType, 
/**
 * How long it rings, in seconds ([`crate::limits::RING_TIMEOUT_RANGE_S`]); none means 30.
 */
timeoutS?: number, 
/**
 * End at once with `no_response` when nobody called has a device, instead of ringing to the deadline.
 */
failFast?: boolean, 
/**
 * Text of the app's own for the callees, at most [`crate::limits::MAX_CALL_DATA_BYTES`].
 */
data?: string, };

/**
 * What a client can ask for. It travels in a [`ClientMessage`].
 */
export type Request = { "type": "login", 
/**
 * The protocol version the client speaks.
 */
protocol: number, 
/**
 * The app.
 */
sdkAppID: SdkAppId, 
/**
 * The user.
 */
userID: UserId, 
/**
 * The proof, made by the app's own signing service.
 */
userSig: UserSig, 
/**
 * What signs in.
 */
device: DeviceInfo, 
/**
 * The client signs in by itself, since its session is gone, and nobody has asked it to: under single login it
 * must not sign out a newer device of the user. Error: [`crate::ErrorCode::SignedInElsewhere`].
 */
again?: boolean, } | { "type": "resume", 
/**
 * The protocol version the client speaks.
 */
protocol: number, 
/**
 * From [`crate::Welcome::ticket`].
 */
ticket: ResumeTicket, 
/**
 * The `seq` of the last event that the client has handled, 0 for none.
 */
lastSeq: number, } | { "type": "logout", } | { "type": "ping", 
/**
 * The `seq` of the last event that the client has handled.
 */
ack: number, } | { "type": "call" } & CallRequest | { "type": "delivered", 
/**
 * The call.
 */
callID: CallId, } | { "type": "accept", 
/**
 * The call.
 */
callID: CallId, } | { "type": "reject", 
/**
 * The call.
 */
callID: CallId, } | { "type": "hangup", 
/**
 * The call.
 */
callID: CallId, } | { "type": "transport", 
/**
 * The call.
 */
callID: CallId, 
/**
 * The SDP offer, all candidates optional: the server is ICE-lite and learns addresses from checks.
 */
offer: string, } | { "type": "streams", 
/**
 * The call.
 */
callID: CallId, } | { "type": "devices", 
/**
 * The call.
 */
callID: CallId, 
/**
 * The microphone is on.
 */
microphone: boolean, 
/**
 * The camera is on.
 */
camera: boolean, 
/**
 * Every source that is on. With it `microphone` and `camera` are for older servers and count for nothing. Error:
 * [`crate::ErrorCode::SourceUnsupported`] if one of them is not taken; then nothing is changed.
 */
sources?: SourceSet, } | { "type": "media", 
/**
 * The call.
 */
callID: CallId, 
/**
 * What it shall be.
 */
media: MediaType, };

/**
 * A request and the number by which its answer is found. The numbers of one session rise; a request that is sent
 * again with the same number (after a cut socket) is answered again and carried out once.
 *
 * In JSON the request's name stands beside its fields and the id: `{"id":7,"type":"ping","ack":0}`. Read it with
 * [`crate::parse_client_message`], which says what is wrong with what is none.
 */
export type ClientMessage = { 
/**
 * Chosen by the client, rising from 1.
 */
id: number, } & ({ "type": "login", 
/**
 * The protocol version the client speaks.
 */
protocol: number, 
/**
 * The app.
 */
sdkAppID: SdkAppId, 
/**
 * The user.
 */
userID: UserId, 
/**
 * The proof, made by the app's own signing service.
 */
userSig: UserSig, 
/**
 * What signs in.
 */
device: DeviceInfo, 
/**
 * The client signs in by itself, since its session is gone, and nobody has asked it to: under single login it
 * must not sign out a newer device of the user. Error: [`crate::ErrorCode::SignedInElsewhere`].
 */
again?: boolean, } | { "type": "resume", 
/**
 * The protocol version the client speaks.
 */
protocol: number, 
/**
 * From [`crate::Welcome::ticket`].
 */
ticket: ResumeTicket, 
/**
 * The `seq` of the last event that the client has handled, 0 for none.
 */
lastSeq: number, } | { "type": "logout", } | { "type": "ping", 
/**
 * The `seq` of the last event that the client has handled.
 */
ack: number, } | { "type": "call" } & CallRequest | { "type": "delivered", 
/**
 * The call.
 */
callID: CallId, } | { "type": "accept", 
/**
 * The call.
 */
callID: CallId, } | { "type": "reject", 
/**
 * The call.
 */
callID: CallId, } | { "type": "hangup", 
/**
 * The call.
 */
callID: CallId, } | { "type": "transport", 
/**
 * The call.
 */
callID: CallId, 
/**
 * The SDP offer, all candidates optional: the server is ICE-lite and learns addresses from checks.
 */
offer: string, } | { "type": "streams", 
/**
 * The call.
 */
callID: CallId, } | { "type": "devices", 
/**
 * The call.
 */
callID: CallId, 
/**
 * The microphone is on.
 */
microphone: boolean, 
/**
 * The camera is on.
 */
camera: boolean, 
/**
 * Every source that is on. With it `microphone` and `camera` are for older servers and count for nothing. Error:
 * [`crate::ErrorCode::SourceUnsupported`] if one of them is not taken; then nothing is changed.
 */
sources?: SourceSet, } | { "type": "media", 
/**
 * The call.
 */
callID: CallId, 
/**
 * What it shall be.
 */
media: MediaType, });

/**
 * What a client learns when it signs in.
 */
export type Welcome = { 
/**
 * For `resume`. A secret of this session.
 */
ticket: ResumeTicket, 
/**
 * True if the session goes on where its socket was cut.
 */
resumed: boolean, 
/**
 * Send `ping` at least this often, in seconds.
 */
heartbeatS: number, 
/**
 * How long a cut session is kept, in seconds.
 */
resumeS: number, };

/**
 * Where somebody's stream is played.
 */
export type PlayStream = { 
/**
 * Whose it is.
 */
userID: UserId, 
/**
 * RTMP URL.
 */
url: MediaUrl, 
/**
 * The same stream as HTTP-FLV: a path of the server that the client talks to.
 */
flvPath: MediaUrl, };

/**
 * What a successful answer carries.
 */
export type Success = Welcome | { 
/**
 * The new call.
 */
callID: CallId, 
/**
 * Its room.
 */
roomID: RoomId, } | { 
/**
 * The SDP answer.
 */
answer: string, } | { 
/**
 * RTMP URL to push to.
 */
push: MediaUrl, 
/**
 * Where each of the others is played.
 */
play: Array<PlayStream>, } | Record<symbol, never>;

/**
 * How a request went.
 */
export type Outcome = { "ok": Success } | { "error": ErrorBody };

/**
 * The answer to a request.
 */
export type Answer = { 
/**
 * The request's `id`; 0 if the message had none that could be read.
 */
re: number, } & ({ "ok": Success } | { "error": ErrorBody });

/**
 * What the server tells a device without being asked.
 */
export type Event = { "type": "invited", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Its room.
 */
roomID: RoomId, 
/**
 * The caller.
 */
from: UserId, 
/**
 * All callees.
 */
to: Array<UserId>, 
/**
 * Voice or video.
 */
media: MediaType, 
/**
 * Milliseconds until it stops ringing.
 */
remainingMs: number, 
/**
 * The caller's own text.
 */
data?: string, } | { "type": "unreachable", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "ringing", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "accepted", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "leg_ended", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, 
/**
 * Why.
 */
reason: EndReason, } | { "type": "joined", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, 
/**
 * Its microphone is on.
 */
microphone: boolean, 
/**
 * Its camera is on.
 */
camera: boolean, 
/**
 * Every source of it that is on. Servers before this field say `microphone` and `camera` alone.
 */
sources?: SourceSet, } | { "type": "left", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "devices", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, 
/**
 * Its microphone is on.
 */
microphone: boolean, 
/**
 * Its camera is on.
 */
camera: boolean, 
/**
 * Every source of it that is on. Servers before this field say `microphone` and `camera` alone.
 */
sources?: SourceSet, } | { "type": "media", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who wanted it.
 */
userID: UserId, 
/**
 * What it is.
 */
media: MediaType, } | { "type": "network", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Whose: the receiver's own id, or the other's.
 */
userID: UserId, 
/**
 * 1 (excellent) to 6 (cut off), as the pusher's netQualityLevel of old pages; above 4 is worth a hint.
 */
level: number, } | { "type": "transport_lost", 
/**
 * The call.
 */
callID: CallId, } | { "type": "video_codec", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Whose picture.
 */
userID: UserId, 
/**
 * What it is to be sent in, if there is such a codec.
 */
codec?: VideoCodec, } | { "type": "stream_fault", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Whose sound or picture.
 */
userID: UserId, 
/**
 * What is wrong with it.
 */
fault: StreamFault, 
/**
 * The same as a sentence for developers, with what to do about it.
 */
message: string, } | { "type": "merged", 
/**
 * The call as this device knows it: the one that goes on, since the second caller's request was answered with
 * the first call's id.
 */
callID: CallId, 
/**
 * The call that goes on.
 */
into: CallId, 
/**
 * Its room.
 */
roomID: RoomId, 
/**
 * Voice or video: video only if both asked for it.
 */
media: MediaType, } | { "type": "ended", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Why.
 */
reason: EndReason, 
/**
 * Who ended it, if somebody did.
 */
by?: UserId, 
/**
 * Whole seconds from the accept to the end by the server's clock: the same for everybody; 0 if unanswered.
 */
durationS: number, } | { "type": "kicked_out", 
/**
 * Why.
 */
reason: KickReason, };

/**
 * An event and its number in the session, rising by one from 1.
 */
export type EventMessage = { 
/**
 * The number.
 */
seq: number, } & ({ "type": "invited", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Its room.
 */
roomID: RoomId, 
/**
 * The caller.
 */
from: UserId, 
/**
 * All callees.
 */
to: Array<UserId>, 
/**
 * Voice or video.
 */
media: MediaType, 
/**
 * Milliseconds until it stops ringing.
 */
remainingMs: number, 
/**
 * The caller's own text.
 */
data?: string, } | { "type": "unreachable", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "ringing", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "accepted", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "leg_ended", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, 
/**
 * Why.
 */
reason: EndReason, } | { "type": "joined", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, 
/**
 * Its microphone is on.
 */
microphone: boolean, 
/**
 * Its camera is on.
 */
camera: boolean, 
/**
 * Every source of it that is on. Servers before this field say `microphone` and `camera` alone.
 */
sources?: SourceSet, } | { "type": "left", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, } | { "type": "devices", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who.
 */
userID: UserId, 
/**
 * Its microphone is on.
 */
microphone: boolean, 
/**
 * Its camera is on.
 */
camera: boolean, 
/**
 * Every source of it that is on. Servers before this field say `microphone` and `camera` alone.
 */
sources?: SourceSet, } | { "type": "media", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Who wanted it.
 */
userID: UserId, 
/**
 * What it is.
 */
media: MediaType, } | { "type": "network", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Whose: the receiver's own id, or the other's.
 */
userID: UserId, 
/**
 * 1 (excellent) to 6 (cut off), as the pusher's netQualityLevel of old pages; above 4 is worth a hint.
 */
level: number, } | { "type": "transport_lost", 
/**
 * The call.
 */
callID: CallId, } | { "type": "video_codec", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Whose picture.
 */
userID: UserId, 
/**
 * What it is to be sent in, if there is such a codec.
 */
codec?: VideoCodec, } | { "type": "stream_fault", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Whose sound or picture.
 */
userID: UserId, 
/**
 * What is wrong with it.
 */
fault: StreamFault, 
/**
 * The same as a sentence for developers, with what to do about it.
 */
message: string, } | { "type": "merged", 
/**
 * The call as this device knows it: the one that goes on, since the second caller's request was answered with
 * the first call's id.
 */
callID: CallId, 
/**
 * The call that goes on.
 */
into: CallId, 
/**
 * Its room.
 */
roomID: RoomId, 
/**
 * Voice or video: video only if both asked for it.
 */
media: MediaType, } | { "type": "ended", 
/**
 * The call.
 */
callID: CallId, 
/**
 * Why.
 */
reason: EndReason, 
/**
 * Who ended it, if somebody did.
 */
by?: UserId, 
/**
 * Whole seconds from the accept to the end by the server's clock: the same for everybody; 0 if unanswered.
 */
durationS: number, } | { "type": "kicked_out", 
/**
 * Why.
 */
reason: KickReason, });
