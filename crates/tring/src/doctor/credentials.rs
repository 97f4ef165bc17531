//! How the two users of the test calls sign in.

use crate::output::Failure;
use crate::when;
use std::path::PathBuf;
use std::time::Duration;
use tring_server::Config;
use tring_server::diagnostics::Finding;
use tring_store::Store;
use tring_usersig::Key;

/// Life of the UserSigs that are made here.
const SIG_LIFE: Duration = Duration::from_secs(15 * 60);

/// The subject of what is found about signing in.
pub(super) const SUBJECT: &str = "sign-in";

/// How the two test users sign in.
#[derive(Debug)]
pub(super) enum Credentials {
    /// By an app in the database of this machine; none: the first.
    Store(Option<String>),
    /// By an app's key.
    Key(u32, Key),
    /// By UserSigs made elsewhere: user and text.
    Signed(u32, [(String, String); 2]),
}

impl Credentials {
    /// Reads the options.
    ///
    /// # Errors
    /// They do not go together, or a file cannot be read.
    pub(super) fn from_args(
        app: Option<String>,
        key_file: Option<PathBuf>,
        usersigs: Vec<String>,
    ) -> Result<Self, Failure> {
        let number = || {
            let number = app.as_deref().and_then(|a| a.parse().ok());
            number.ok_or_else(|| {
                Failure::new("--app must be the sdkAppID, a number, beside --key-file or --usersig")
            })
        };
        if let Some(path) = key_file {
            let text = std::fs::read_to_string(&path)
                .map_err(|e| Failure::new(format!("--key-file {}: {e}", path.display())))?;
            return Ok(Self::Key(number()?, Key::parse(text.trim())?));
        }
        if usersigs.is_empty() {
            return Ok(Self::Store(app));
        }
        let both: Vec<(String, String)> = usersigs
            .iter()
            .filter_map(|text| text.split_once('='))
            .map(|(user, sig)| (user.to_owned(), sig.to_owned()))
            .collect();
        match <[(String, String); 2]>::try_from(both) {
            Ok(both) if usersigs.len() == 2 && both[0].0 != both[1].0 => Ok(Self::Signed(number()?, both)),
            _ => Err(Failure::new("give --usersig USERID=USERSIG twice, for two different users")),
        }
    }

    /// The app, and two users with their UserSigs. `local`: the settings, where the server is this machine's. `ahead`: the server's clock less this one's, in seconds: what is
    /// signed by this one would be refused where it is wrong, and that has been said already.
    ///
    /// # Errors
    /// What to show in place of the calls.
    pub(super) async fn users(
        self,
        local: Option<&Config>,
        ahead: i64,
    ) -> Result<(u32, [(String, String); 2]), Finding> {
        let failed = |e: &dyn std::fmt::Display| {
            Finding::error(SUBJECT, e.to_string(), "Check --data, --app and --key-file")
        };
        let (app, key) = match self {
            Self::Signed(app, users) => return Ok((app, users)),
            Self::Key(app, key) => (app, key),
            Self::Store(wanted) => {
                let Some(config) = local else {
                    return Err(Finding::error(
                        SUBJECT,
                        "there is no key to sign the test users in with",
                        "From another machine give --app NUMBER with --key-file FILE, or --usersig USERID=USERSIG twice",
                    ));
                };
                let store = Store::open_existing(&config.data).await.map_err(|e| failed(&e))?;
                let app = match wanted {
                    Some(text) => store.find_app(&text).await.map(Some),
                    None => store.list_apps().await.map(|all| all.into_iter().next()),
                };
                store.close().await;
                let app = app.map_err(|e| failed(&e))?.ok_or_else(|| {
                    Finding::error(
                        SUBJECT,
                        "there is no app to sign in to",
                        "Make one: tring app create NAME",
                    )
                })?;
                (app.id.get(), app.key)
            }
        };
        let at_s = when::now().as_secs().saturating_add_signed(ahead);
        let random = getrandom::u32().map_err(|e| failed(&e))?;
        let user = |end: &str| {
            let name = format!("tring-doctor-{random:08x}-{end}");
            tring_usersig::sign(&key, app, &name, SIG_LIFE, at_s)
                .map(|sig| (name, sig))
                .map_err(|e| failed(&e))
        };
        Ok((app, [user("a")?, user("b")?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_need_a_number_and_two_users() {
        let of = |app: Option<&str>, sigs: &[&str]| {
            let sigs = sigs.iter().map(|s| (*s).to_owned()).collect();
            Credentials::from_args(app.map(str::to_owned), None, sigs).map_err(|e| e.text().to_owned())
        };
        assert!(matches!(of(None, &[]), Ok(Credentials::Store(None))));
        assert!(matches!(of(Some("7"), &["a=x", "b=y"]), Ok(Credentials::Signed(7, _))));
        assert!(of(Some("clinic"), &["a=x", "b=y"]).unwrap_err().contains("sdkAppID"));
        for wrong in [&["a=x"][..], &["a=x", "a=y"], &["a=x", "b"], &["a=x", "b=y", "c=z"]] {
            assert!(of(Some("7"), wrong).unwrap_err().contains("twice"), "{wrong:?}");
        }
    }
}
