//! `tring app …`: the apps in the database of a data folder. Works with and without a running server.

use crate::Data;
use crate::output::{Answer, Failure, Outcome};
use crate::when;
use clap::{ArgAction, Args, Subcommand};
use serde_json::{Value, json};
use std::io::{self, BufRead, IsTerminal, Write};
use tring_protocol::Timestamp;
use tring_store::{ApiSecret, App, Store};

#[derive(Debug, Subcommand)]
pub(crate) enum AppCommand {
    /// Make an app; prints its sdkAppID, secret key and API secret.
    Create(Create),
    /// List all apps.
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Show one app, without its key.
    Show {
        #[command(flatten)]
        one: One,
        /// Print the secret key too.
        #[arg(long)]
        reveal_key: bool,
    },
    /// Change the settings of an app.
    Set {
        #[command(flatten)]
        one: One,
        /// Whether a user's second sign-in kicks the first (otherwise all devices of a user ring together).
        #[arg(long, value_name = "BOOL", action = ArgAction::Set)]
        single_login: bool,
    },
    /// Give an app a new secret key. The old key and every UserSig made with it are void at once.
    RotateKey {
        #[command(flatten)]
        one: One,
    },
    /// Give an app a new API secret for POST /v1/usersig. The old one is void at once.
    RotateApiSecret {
        #[command(flatten)]
        one: One,
    },
    /// Delete an app and its key. Its calls end; its call records stay.
    Delete {
        #[command(flatten)]
        one: One,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The name of the app, for people; unique, not only digits.
    name: String,
    /// A user's second sign-in kicks the first (otherwise all devices of a user ring together).
    #[arg(long)]
    single_login: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    #[command(flatten)]
    data: Data,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct One {
    /// The app: its sdkAppID or its name.
    app: String,
    #[command(flatten)]
    common: Common,
}

impl One {
    async fn open(&self) -> Result<(Store, App), Failure> {
        let store = Store::open_existing(&self.common.data.folder()?).await?;
        let app = store.find_app(&self.app).await?;
        Ok((store, app))
    }
}

pub(crate) async fn run(command: AppCommand) -> Outcome {
    match command {
        AppCommand::Create(args) => create(args).await,
        AppCommand::List { common } => list(common).await,
        AppCommand::Show { one, reveal_key } => {
            let (store, app) = one.open().await?;
            store.close().await;
            Ok(answer(&app, one.common.json, Secrets { key: reveal_key, api: None }))
        }
        AppCommand::Set { one, single_login } => {
            let (store, app) = one.open().await?;
            let app = store.set_single_login(app.id, single_login).await?;
            store.close().await;
            Ok(answer(&app, one.common.json, Secrets { key: false, api: None }))
        }
        AppCommand::RotateKey { one } => {
            let (store, app) = one.open().await?;
            let app = store.rotate_key(app.id).await?;
            store.close().await;
            Ok(answer(&app, one.common.json, Secrets { key: true, api: None }))
        }
        AppCommand::RotateApiSecret { one } => {
            let (store, app) = one.open().await?;
            let renewed = store.rotate_api_secret(app.id).await?;
            store.close().await;
            let secrets = Secrets { key: false, api: Some(&renewed.api_secret) };
            Ok(answer(&renewed.app, one.common.json, secrets))
        }
        AppCommand::Delete { one, yes } => delete(one, yes).await,
    }
}

async fn create(args: Create) -> Outcome {
    let folder = args.common.data.folder()?;
    let is_new = !Store::exists(&folder);
    let store = Store::open(&folder).await?;
    let created = store.create_app(&args.name).await?;
    let app =
        if args.single_login { store.set_single_login(created.app.id, true).await? } else { created.app };
    store.close().await;
    let secrets = Secrets { key: true, api: Some(&created.api_secret) };
    let json = || {
        let mut value = value(&app, &secrets);
        value["dataFolder"] = folder.display().to_string().into();
        value
    };
    // A server with another data folder knows nothing of this app, and its users are told that the app does not exist.
    let text = || {
        let (text, place) = (text(&app, &secrets), folder.display());
        let made = if is_new { " (with a new database)" } else { "" };
        let config = args.common.data.config.as_ref().filter(|_| args.common.data.data.is_none());
        let serve = match config {
            Some(file) => format!("tring serve --config {}", file.display()),
            None => format!("tring serve --data {place}"),
        };
        format!("{text}\n\ndata folder   {place}{made}\nserved by     {serve}")
    };
    Ok(Answer::either(args.common.json, json, text))
}

async fn list(common: Common) -> Outcome {
    let folder = common.data.folder()?;
    let store = Store::open_existing(&folder).await?;
    let apps = store.list_apps().await?;
    store.close().await;
    let plain = || apps.iter().map(|app| value(app, &Secrets { key: false, api: None })).collect();
    let text = || {
        if apps.is_empty() {
            let folder = folder.display();
            return format!("no app yet in {folder}: make one with `tring app create NAME --data {folder}`");
        }
        let mut text = format!("{:<10}  {:<23}  NAME", "SDKAPPID", "CREATED");
        for app in &apps {
            text += &format!("\n{:<10}  {:<23}  {}", app.id, date(app.created), app.name);
        }
        text
    };
    Ok(Answer::either(common.json, plain, text))
}

async fn delete(one: One, yes: bool) -> Outcome {
    let (store, app) = one.open().await?;
    if !yes {
        confirm(&app)?;
    }
    store.delete_app(app.id).await?;
    store.close().await;
    let json = || json!({ "deleted": app.id, "name": app.name });
    let text = || format!("deleted the app {} ({}); its calls end within a second", app.id, app.name);
    Ok(Answer::either(one.common.json, json, text))
}

fn confirm(app: &App) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(format!(
            "deleting the app {} ends its calls and voids its key: add --yes to do it",
            app.id
        )));
    }
    eprint!(
        "This ends the calls of {} and voids its key for good. Type its name ({}) to delete it: ",
        app.id, app.name
    );
    io::stderr().flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    if line.trim() == app.name {
        Ok(())
    } else {
        Err(Failure::new("that is not its name: nothing was deleted"))
    }
}

/// Which secrets an answer shows.
struct Secrets<'a> {
    key: bool,
    api: Option<&'a ApiSecret>,
}

fn answer(app: &App, json: bool, secrets: Secrets<'_>) -> Answer {
    Answer::either(json, || value(app, &secrets), || text(app, &secrets))
}

fn value(app: &App, secrets: &Secrets<'_>) -> Value {
    let mut value = json!({
        "sdkAppID": app.id,
        "name": app.name,
        "singleLogin": app.single_login,
        "created": app.created.as_secs(),
        "updated": app.updated.as_secs(),
    });
    if secrets.key {
        value["secretKey"] = app.key.expose().into();
    }
    if let Some(api) = secrets.api {
        value["apiSecret"] = api.expose().into();
    }
    value
}

fn text(app: &App, secrets: &Secrets<'_>) -> String {
    let key = if secrets.key { app.key.expose() } else { "(hidden: --reveal-key prints it)" };
    let logins =
        if app.single_login { "yes: a new sign-in kicks the old one" } else { "no: all devices ring" };
    let mut text = format!(
        "sdkAppID      {}\nname          {}\nsingle login  {logins}\ncreated       {}\nupdated       {}\nsecret key    {key}",
        app.id,
        app.name,
        date(app.created),
        date(app.updated),
    );
    if let Some(api) = secrets.api {
        text += &format!(
            "\nAPI secret    {}\n\nThe API secret is not shown again. Keep both on your server only: the key signs for every user.",
            api.expose()
        );
    }
    text
}

fn date(at: Timestamp) -> String {
    when::date(at.as_secs())
}
