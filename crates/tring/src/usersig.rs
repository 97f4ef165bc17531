//! `tring usersig …`: makes, checks and explains UserSigs.

use crate::Data;
use crate::output::{Answer, Failure, Outcome};
use crate::when;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;
use tring_protocol::limits::{MAX_USER_ID_BYTES, MAX_USER_SIG_BYTES};
use tring_protocol::{SdkAppId, UserId};
use tring_store::Store;
use tring_usersig::{
    Explained, Key, MAX_TEXT_BYTES, MAX_USER_BYTES, MapKeyError, PrivateMapKey, Privileges, Room,
};

/// Life of a UserSig when `--expire` is not given, in seconds: a day, as the signing service.
const EXPIRE_DEFAULT_S: &str = "86400";

// The two crates know nothing of each other; where they met with different bounds, the server would refuse at login what
// this command signs.
const _: () = assert!(MAX_TEXT_BYTES == MAX_USER_SIG_BYTES && MAX_USER_BYTES == MAX_USER_ID_BYTES);

#[derive(Debug, Subcommand)]
pub(crate) enum UserSigCommand {
    /// Make a UserSig for one user; with --room or --string-room a PrivateMapKey.
    Sign(Sign),
    /// Check a UserSig as the server does at login (form, app, user, signature, time), and the rights of a PrivateMapKey.
    Verify(Verify),
    /// Show what a UserSig says, without a key and without checking its signature.
    Explain {
        #[command(flatten)]
        text: Text,
        /// Answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

// Whose key: an app of the database, or a number and a key given here. No doc comment: clap would show it as the text of
// the commands.
#[derive(Debug, Args)]
struct Whose {
    /// The app in the database of --data: its sdkAppID or its name.
    #[arg(long, value_name = "APP", required_unless_present = "sdkappid", conflicts_with_all = ["sdkappid", "key"])]
    app: Option<String>,
    /// The sdkAppID, to work without a database; needs --key.
    #[arg(long, value_name = "NUMBER")]
    sdkappid: Option<u32>,
    /// The secret key for --sdkappid. Other users of this machine can see options: the variable TRING_KEY is safer.
    #[arg(long, value_name = "HEX", requires = "sdkappid")]
    key: Option<String>,
    #[command(flatten)]
    data: Data,
}

/// A key, the number it is for, and the database that it came from.
struct Signer {
    app: u32,
    key: Key,
    store: Option<(Store, SdkAppId)>,
}

impl Whose {
    async fn signer(&self) -> Result<Signer, Failure> {
        let Some(app) = &self.app else {
            // Read here and not by clap, for which a variable that is set would contradict --app.
            let key = self.key.clone().or_else(|| std::env::var("TRING_KEY").ok());
            let (Some(app), Some(key)) = (self.sdkappid, key) else {
                return Err(Failure::new("--sdkappid needs the key: add --key HEX or set TRING_KEY"));
            };
            return Ok(Signer { app, key: Key::parse(&key)?, store: None });
        };
        let store = Store::open_existing(&self.data.folder()?).await?;
        let app = store.find_app(app).await?;
        Ok(Signer { app: app.id.get(), key: app.key, store: Some((store, app.id)) })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// For whom.
    #[arg(long, value_name = "USERID")]
    user: String,
    /// For how many seconds.
    #[arg(long, value_name = "SECONDS", default_value = EXPIRE_DEFAULT_S)]
    expire: u32,
    /// Make a PrivateMapKey for this numeric room.
    #[arg(long, value_name = "NUMBER", conflicts_with = "string_room")]
    room: Option<u32>,
    /// Make a PrivateMapKey for this string room.
    #[arg(long, value_name = "TEXT")]
    string_room: Option<String>,
    /// The rights of the PrivateMapKey, as the sum of their bits: 1 create, 2 join, 4 send audio, 8 receive audio,
    /// 16 send video, 32 receive video, 64 send and 128 receive the second stream [default: 255, all].
    #[arg(long, value_name = "BITS")]
    rights: Option<u32>,
    #[command(flatten)]
    whose: Whose,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    text: Text,
    /// For whom it must be.
    #[arg(long, value_name = "USERID")]
    user: String,
    #[command(flatten)]
    whose: Whose,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Text {
    /// The UserSig; - reads it from stdin.
    #[arg(value_name = "USERSIG", allow_hyphen_values = true)]
    text: String,
}

impl Text {
    fn read(&self) -> Result<String, Failure> {
        if self.text != "-" {
            return Ok(self.text.clone());
        }
        let mut text = String::new();
        // Past the limit and some line breaks nothing can become valid any more.
        let limit = MAX_TEXT_BYTES as u64 + 64;
        std::io::stdin().take(limit).read_to_string(&mut text)?;
        Ok(text)
    }
}

pub(crate) async fn run(command: UserSigCommand) -> Outcome {
    match command {
        UserSigCommand::Sign(args) => sign(args).await,
        UserSigCommand::Verify(args) => verify(args).await,
        UserSigCommand::Explain { text, json } => {
            let explained = tring_usersig::explain(&text.read()?)?;
            let now_s = when::now().as_secs();
            Ok(Answer::either(
                json,
                || explained_value(&explained, now_s),
                || explained_text(&explained, now_s),
            ))
        }
    }
}

async fn sign(args: Sign) -> Outcome {
    let room = match (args.room, args.string_room) {
        (Some(number), _) => Some(Room::Number(number)),
        (None, Some(text)) => Some(Room::Text(text)),
        (None, None) if args.rights.is_some() => {
            return Err(Failure::new("--rights are rights in a room: add --room or --string-room"));
        }
        (None, None) => None,
    };
    let user = UserId::new(&args.user)?;
    let signer = args.whose.signer().await?;
    let (key, app, now) = (&signer.key, signer.app, when::now());
    let lifetime = Duration::from_secs(args.expire.into());
    let text = match &room {
        None => tring_usersig::sign(key, app, user.as_str(), lifetime, now.as_secs())?,
        Some(room) => {
            let rights = args.rights.map_or(Privileges::ALL, Privileges::from_bits);
            tring_usersig::sign_map_key(key, app, user.as_str(), room, rights, lifetime, now.as_secs())?
        }
    };
    if let Some((store, id)) = signer.store {
        store.audit_signature(id, &user, args.expire, "cli", now).await?;
        store.close().await;
    }
    let value = || {
        json!({
            "sdkAppID": app, "userID": user, "userSig": text, "expire": args.expire,
            "expireAt": now.as_secs() + u64::from(args.expire),
        })
    };
    // Only the text, so that a script can take it as it is.
    Ok(Answer::either(args.json, value, || text.clone()))
}

async fn verify(args: Verify) -> Outcome {
    let text = args.text.read()?;
    let signer = args.whose.signer().await?;
    if let Some((store, _)) = &signer.store {
        store.close().await;
    }
    let now_s = when::now().as_secs();
    let claims = tring_usersig::verify(&signer.key, signer.app, &args.user, &text, now_s)?;
    let rights = match claims.userbuf.as_deref() {
        Some(bytes) if is_map_key(bytes) => {
            let rights = tring_usersig::verify_map_key(&signer.key, signer.app, &args.user, &text, now_s)
                .map_err(|e| {
                    Failure::new(format!("it signs the user in, but its PrivateMapKey gives no rights: {e}"))
                })?;
            Some(rights)
        }
        _ => None,
    };
    let own_bytes = claims.userbuf.as_ref().filter(|_| rights.is_none()).map(Vec::len);
    let value = || {
        json!({
            "valid": true, "sdkAppID": signer.app, "userID": args.user, "signedAt": claims.issued_at_s,
            "expireAt": claims.expires_at_s, "userbufBytes": claims.userbuf.as_ref().map(Vec::len),
            "rights": rights.as_ref().map(rights_value),
        })
    };
    let text = || {
        let mut text = format!(
            "valid for {:?} of app {}\nsigned   {}\nexpires  {}",
            args.user,
            signer.app,
            moment(claims.issued_at_s, now_s),
            moment(claims.expires_at_s, now_s),
        );
        if let Some(rights) = &rights {
            text += &format!("\n{}", rights_text(rights, now_s));
        }
        if let Some(bytes) = own_bytes {
            text += &format!("\nuserbuf  {bytes} bytes of the app's own");
        }
        text
    };
    Ok(Answer::either(args.json, value, text))
}

/// Whether a user buffer means to be a PrivateMapKey, also a broken one: an app's own bytes begin with something else.
fn is_map_key(bytes: &[u8]) -> bool {
    !bytes.is_empty() && !matches!(PrivateMapKey::decode(bytes), Err(MapKeyError::Layout(_)))
}

fn moment(at_s: u64, now_s: u64) -> String {
    format!("{} ({})", when::date(at_s), when::distance(at_s, now_s))
}

fn explained_value(explained: &Explained, now_s: u64) -> Value {
    json!({
        "sdkAppID": explained.app,
        "userID": explained.user,
        "signedAt": explained.issued_at_s,
        "expire": explained.lifetime_s,
        "expireAt": explained.expires_at_s(),
        "timeProblem": explained.check_time(now_s).err().map(|e| e.to_string()),
        "userbufBytes": explained.userbuf.as_ref().map(Vec::len),
        "rights": explained.map_key.as_ref().map(rights_value),
        "signature": explained.signature,
        "json": explained.json,
    })
}

fn explained_text(explained: &Explained, now_s: u64) -> String {
    let mut text = format!(
        "sdkAppID   {}\nuserID     {:?}\nsigned     {}\nlifetime   {} s\nexpires    {}\n",
        explained.app,
        explained.user,
        moment(explained.issued_at_s, now_s),
        explained.lifetime_s,
        moment(explained.expires_at_s(), now_s),
    );
    match (&explained.map_key, &explained.userbuf) {
        (Some(rights), _) => text += &format!("{}\n", rights_text(rights, now_s)),
        (None, Some(bytes)) => text += &format!("userbuf    {} bytes of the app's own\n", bytes.len()),
        (None, None) => {}
    }
    // Blanks between its fields may be line breaks, which would pass for lines of this answer; and its texts may hold what
    // a terminal acts on.
    text += &format!("JSON       {}\n", explained.json.replace(tring_protocol::log::is_unprintable, " "));
    text += "signature  not checked: `tring usersig verify` does, with the key\n";
    match explained.check_time(now_s) {
        Ok(()) => text + "time       fine now",
        Err(e) => text + &format!("time       {e}"),
    }
}

fn rights_value(rights: &PrivateMapKey) -> Value {
    let room = match rights.room() {
        Room::Number(n) => json!(n),
        Room::Text(text) => json!(text),
    };
    let names: Vec<_> = rights.privileges().names().collect();
    json!({
        "room": room, "bits": rights.privileges().bits(), "names": names, "expireAt": rights.expires_at_s(),
    })
}

fn rights_text(rights: &PrivateMapKey, now_s: u64) -> String {
    let names: Vec<_> = rights.privileges().names().collect();
    format!(
        "room       {}\nrights     {} ({}), until {}",
        rights.room(),
        rights.privileges().bits(),
        names.join(", "),
        moment(rights.expires_at_s().into(), now_s),
    )
}
