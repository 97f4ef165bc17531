//! PrivateMapKey: the rights of one user in one room, as the user buffer of a UserSig.
//!
//! Layout, big-endian: 1 B layout (0 numeric room, 1 string room) · 2 B account length · account · 4 B SDKAppID ·
//! 4 B room (0 for a string room) · 4 B expiry (seconds since the Unix epoch) · 4 B rights · 4 B account type ·
//! for a string room 2 B length · room.

use crate::MapKeyError;
use std::fmt;
use std::ops::BitOr;

/// Longest string room, in bytes of UTF-8 (the documented limit of string rooms).
pub const MAX_ROOM_BYTES: usize = 64;

const LAYOUT_NUMBER: u8 = 0;
const LAYOUT_TEXT: u8 = 1;

/// Which room.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Room {
    /// A numeric room, 1 to 4,294,967,295.
    Number(u32),
    /// A string room, 1 to [`MAX_ROOM_BYTES`] bytes.
    Text(String),
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(n) => n.fmt(f),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// A set of rights in a room. Bits without a name are kept and mean nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Privileges(u32);

impl Privileges {
    /// No right at all.
    pub const NONE: Self = Self(0);
    /// Create the room.
    pub const CREATE: Self = Self(1);
    /// Join the room.
    pub const JOIN: Self = Self(2);
    /// Send sound.
    pub const SEND_AUDIO: Self = Self(4);
    /// Receive sound.
    pub const RECEIVE_AUDIO: Self = Self(8);
    /// Send the camera's picture.
    pub const SEND_VIDEO: Self = Self(16);
    /// Receive cameras' pictures.
    pub const RECEIVE_VIDEO: Self = Self(32);
    /// Send the second picture (a shared screen).
    pub const SEND_SUB_STREAM: Self = Self(64);
    /// Receive second pictures.
    pub const RECEIVE_SUB_STREAM: Self = Self(128);
    /// Every right that has a name: 255.
    pub const ALL: Self = Self(255);
    /// Join, hear and see, but send nothing: 42.
    pub const WATCH: Self = Self(2 | 8 | 32);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::CREATE, "create"),
        (Self::JOIN, "join"),
        (Self::SEND_AUDIO, "send-audio"),
        (Self::RECEIVE_AUDIO, "receive-audio"),
        (Self::SEND_VIDEO, "send-video"),
        (Self::RECEIVE_VIDEO, "receive-video"),
        (Self::SEND_SUB_STREAM, "send-sub-stream"),
        (Self::RECEIVE_SUB_STREAM, "receive-sub-stream"),
    ];

    /// From the number of the guide's documents (255, 42, …).
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The number.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether it has every right of `other`.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of its rights, in the order of their bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(right, _)| self.contains(*right)).map(|(_, name)| name)
    }
}

impl BitOr for Privileges {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Debug for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Privileges({}:", self.0)?;
        self.names().try_for_each(|name| write!(f, " {name}"))?;
        f.write_str(")")
    }
}

/// What one user may do in one room, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateMapKey {
    app: u32,
    /// As written: the npm library writes something else than UTF-8 for a name beyond ASCII, see `is_for`.
    account: Vec<u8>,
    room: Room,
    privileges: Privileges,
    expires_at_s: u32,
    account_type: u32,
}

impl PrivateMapKey {
    /// Rights until `expires_at_s` (seconds since the Unix epoch, before the year 2106).
    /// Errors: [`MapKeyError::Account`], [`MapKeyError::Room`], [`MapKeyError::Expiry`].
    pub fn new(
        app: u32,
        user: &str,
        room: Room,
        privileges: Privileges,
        expires_at_s: u64,
    ) -> Result<Self, MapKeyError> {
        let expires_at_s = u32::try_from(expires_at_s).map_err(|_| MapKeyError::Expiry)?;
        if user.is_empty() {
            return Err(MapKeyError::Account);
        }
        if matches!(&room, Room::Number(0)) {
            return Err(MapKeyError::Room);
        }
        check_room(&room)?;
        let account = user.as_bytes().to_vec();
        Ok(Self { app, account, room, privileges, expires_at_s, account_type: 0 })
    }

    /// The app.
    pub const fn app(&self) -> u32 {
        self.app
    }

    /// The room.
    pub const fn room(&self) -> &Room {
        &self.room
    }

    /// The rights.
    pub const fn privileges(&self) -> Privileges {
        self.privileges
    }

    /// The first second in which they are no longer valid, since the Unix epoch.
    pub const fn expires_at_s(&self) -> u32 {
        self.expires_at_s
    }

    /// Whether these rights are this user's.
    ///
    /// The npm library writes the low byte of each UTF-16 unit instead of UTF-8, and that is taken too: this field only
    /// repeats the name in the UserSig around it, which is signed in full.
    pub fn is_for(&self, user: &str) -> bool {
        self.account == user.as_bytes()
            || user.encode_utf16().map(|unit| unit.to_be_bytes()[1]).eq(self.account.iter().copied())
    }

    /// The bytes. Errors: [`MapKeyError::Account`], [`MapKeyError::Room`] for what the layout has no place for.
    pub fn encode(&self) -> Result<Vec<u8>, MapKeyError> {
        let account_len = u16::try_from(self.account.len()).map_err(|_| MapKeyError::Account)?;
        let (layout, number, text) = match &self.room {
            Room::Number(n) => (LAYOUT_NUMBER, *n, None),
            Room::Text(text) => (LAYOUT_TEXT, 0, Some(text)),
        };
        let mut out = Vec::with_capacity(32 + self.account.len() + text.map_or(0, String::len));
        out.push(layout);
        out.extend(account_len.to_be_bytes());
        out.extend(&self.account);
        for field in [self.app, number, self.expires_at_s, self.privileges.0, self.account_type] {
            out.extend(field.to_be_bytes());
        }
        if let Some(text) = text {
            let len = u16::try_from(text.len()).map_err(|_| MapKeyError::Room)?;
            out.extend(len.to_be_bytes());
            out.extend(text.as_bytes());
        }
        Ok(out)
    }

    /// Reads the bytes. Errors: every [`MapKeyError`] but `Absent`, `Expiry` and `Mismatch`.
    pub fn decode(bytes: &[u8]) -> Result<Self, MapKeyError> {
        let mut rest = bytes;
        let [layout] = take(&mut rest)?;
        if layout != LAYOUT_NUMBER && layout != LAYOUT_TEXT {
            return Err(MapKeyError::Layout(layout));
        }
        let account_len = u16::from_be_bytes(take(&mut rest)?);
        let account = take_slice(&mut rest, account_len)?.to_vec();
        if account.is_empty() {
            return Err(MapKeyError::Account);
        }
        let mut field = || take(&mut rest).map(u32::from_be_bytes);
        let (app, number, expires_at_s) = (field()?, field()?, field()?);
        let (privileges, account_type) = (Privileges(field()?), field()?);
        let room = if layout == LAYOUT_TEXT {
            let len = u16::from_be_bytes(take(&mut rest)?);
            let text = std::str::from_utf8(take_slice(&mut rest, len)?).map_err(|_| MapKeyError::Room)?;
            Room::Text(text.to_owned())
        } else {
            Room::Number(number)
        };
        check_room(&room)?;
        if !rest.is_empty() {
            return Err(MapKeyError::Trailing(rest.len()));
        }
        Ok(Self { app, account, room, privileges, expires_at_s, account_type })
    }
}

/// Room 0 passes here: a reader meets it in keys that other libraries made, and it opens no room.
fn check_room(room: &Room) -> Result<(), MapKeyError> {
    match room {
        Room::Text(text) if text.is_empty() || text.len() > MAX_ROOM_BYTES => Err(MapKeyError::Room),
        _ => Ok(()),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], MapKeyError> {
    let (head, tail) = rest.split_first_chunk().ok_or(MapKeyError::Short)?;
    *rest = tail;
    Ok(*head)
}

fn take_slice<'a>(rest: &mut &'a [u8], len: u16) -> Result<&'a [u8], MapKeyError> {
    let (head, tail) = rest.split_at_checked(usize::from(len)).ok_or(MapKeyError::Short)?;
    *rest = tail;
    Ok(head)
}
