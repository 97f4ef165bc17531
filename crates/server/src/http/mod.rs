//! HTTP and WebSocket.
//!
//! | module | subject |
//! |---|---|
//! | `listener` | connections: how many, from where, how long they may take; with TLS or without |
//! | `guarded_stream` | a TCP connection that ends when its peer does not take what it is sent |
//! | `router` | the public routes |
//! | `state` | what the handlers share |
//! | `websocket` | one WebSocket: frames in, requests to the switchboard, answers and events out |
//! | `usersig` | the signing service, and the open signer of the demo |
//! | `demo_guard`, `cross_origin` | who may ask the demo's signer, and which pages may read its answers |
//! | `flv` | a stream of a call as FLV |
//! | `install` | the page that leads a phone to trust the local CA |
//! | `assets` | the built clients, inside the binary |
//!
//! To read it, begin with `router`, then `websocket`.

mod assets;
mod cross_origin;
pub(crate) mod demo_guard;
mod flv;
mod guarded_stream;
mod install;
pub(crate) mod listener;
pub(crate) mod router;
pub(crate) mod state;
mod usersig;
mod websocket;
