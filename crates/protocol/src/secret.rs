//! Texts that let somebody in. They travel as plain strings, but no `{:?}` prints them: a message may be logged whole.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! secret_text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The secret itself: for checking and sending it, not for logs.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(hidden)"))
            }
        }
    };
}

secret_text! {
    /// The text with which a user signs in, made by the app's own signing service.
    UserSig
}

secret_text! {
    /// The text with which a device takes up its session on a new socket.
    ResumeTicket
}

secret_text! {
    /// An address at which media is pushed or played, with the ticket that lets its device in.
    MediaUrl
}
