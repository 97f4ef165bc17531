//! Where the blocks of the documents are run.

use super::*;

/// A place in which blocks are run: a folder, the programs that are found, and servers that run on.
pub(super) struct World {
    folder: TempDir,
    env: Vec<(String, String)>,
    /// Process groups of blocks, in which servers may run on.
    groups: Vec<Child>,
}

impl World {
    pub(super) fn new() -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap(), env: Vec::new(), groups: Vec::new() };
        fs::create_dir(world.path("bin")).unwrap();
        for (program, args) in [
            ("ip", "link set lo up".to_owned()),
            // The machine's network; its other end leads nowhere.
            ("ip", "link add lan type veth peer name beyond".to_owned()),
            ("ip", format!("address add {ADDRESS}/24 dev lan")),
            ("ip", "link set lan up".to_owned()),
            ("ip", "link set beyond up".to_owned()),
        ] {
            world.system(program, &args);
        }
        let hosts = format!("127.0.0.1 localhost\n{ADDRESS} {}\n", NAMES.join(" "));
        fs::write(world.path("hosts"), hosts).unwrap();
        world.system("mount", &format!("--bind {} /etc/hosts", world.path("hosts").display()));
        world
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn system(&self, program: &str, args: &str) {
        let out =
            Command::new(program).args(args.split(' ')).current_dir(self.folder.path()).output().unwrap();
        assert!(out.status.success(), "{program} {args}: {}", String::from_utf8_lossy(&out.stderr));
    }

    /// The command `tring` on the PATH.
    pub(super) fn with_tring(self) -> Self {
        symlink(env!("CARGO_BIN_EXE_tring"), self.path("bin/tring")).unwrap();
        self
    }

    /// A program that is found before any other of its name.
    pub(super) fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.push((name.to_owned(), value.into()));
    }

    /// A shell with a block's text, in a folder of the world.
    pub(super) fn shell(&self, text: &str, folder: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args(["-e", "-o", "pipefail", "-c", text])
            .current_dir(self.path(folder))
            .stdin(Stdio::null());
        for (name, _) in
            std::env::vars().filter(|(name, _)| name.starts_with("TRING_") || name == "MAKEFLAGS")
        {
            command.env_remove(name);
        }
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let path = format!("{}:{path}", self.path("prefix/bin").display());
        command.env("PATH", path).env("PREFIX", self.path("prefix")).envs(self.env.iter().cloned());
        command
    }

    /// Runs a block as it stands; gives what it said on both streams.
    pub(super) fn run(&mut self, block: &Block, then: Then, folder: &str) -> String {
        fs::create_dir_all(self.path(folder)).unwrap();
        let out = self.path("output");
        let file = fs::File::create(&out).unwrap();
        let serves = matches!(then, Serves);
        if serves {
            self.stop();
        }
        let mut command = self.shell(&block.text, folder);
        command.stdout(file.try_clone().unwrap()).stderr(file).process_group(0);
        self.groups.push(command.spawn().unwrap());
        let end = Instant::now() + PATIENCE;
        loop {
            let status = self.groups.last_mut().unwrap().try_wait().unwrap();
            let said = fs::read_to_string(&out).unwrap_or_default();
            let is_done = if serves { said.contains("Ctrl-C") } else { status.is_some() };
            let is_well = if serves { status.is_none() } else { status.is_none_or(|s| s.success()) };
            assert!(is_well, "line {} ended with {status:?}: {said}", block.line);
            if is_done {
                return said;
            }
            assert!(Instant::now() < end, "line {} does not end: {said}", block.line);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a file has this text.
    pub(super) fn wait_for(&self, file: &str, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !fs::read_to_string(self.path(file)).unwrap().contains(text) {
            assert!(Instant::now() < end, "{file} has no {text:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends what runs on. The ports of a server are free when its process is gone, not the shell that started it.
    pub(super) fn stop(&mut self) {
        for mut child in self.groups.drain(..) {
            let group = format!("-{}", child.id());
            let told =
                |signal| Command::new("kill").args([signal, "--", &group]).output().unwrap().status.success();
            // A group that is gone already has nobody to tell.
            told("-TERM");
            let _ = child.wait();
            let end = Instant::now() + PATIENCE;
            while told("-0") {
                assert!(Instant::now() < end, "what runs on does not end");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Runs the command blocks of a document in their order. `before` makes what a block needs and names its folder; `after`
    /// looks at what it said.
    pub(super) fn play(
        &mut self,
        document: &str,
        mut before: impl FnMut(&mut Self, &str) -> &'static str,
        mut after: impl FnMut(&mut Self, &str, &str),
    ) {
        let all = command_blocks(&root().join(format!("{document}.md")));
        let listed = BLOCKS.iter().filter(|(doc, _, _)| *doc == document);
        for (block, (_, first, then)) in all.iter().zip(listed) {
            if let Not(reason, otherwise) = then {
                println!("{document}, line {}: not run, for {reason}", block.line);
                otherwise();
                continue;
            }
            let folder = before(self, first);
            let said = self.run(block, *then, folder);
            if let Says(parts) = then {
                for part in *parts {
                    assert!(said.contains(part), "{document}, line {}: {part:?} in {said}", block.line);
                }
            }
            after(self, first, &said);
        }
    }

    /// What a reader of the next block has: a server with HTTPS at the documents' names, whose certificate this world's programs
    /// trust, and an app of it, by number, secret key and API secret.
    pub(super) fn serve_https(&mut self, folder: &'static str) {
        fs::create_dir_all(self.path(folder)).unwrap();
        let names: Vec<String> = NAMES.iter().map(|name| format!("DNS:{name}")).collect();
        let make = format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN={} \
             -addext subjectAltName={} -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=serverAuth -keyout key.pem -out cert.pem 2>/dev/null
             tring app create office --json",
            NAMES[0],
            names.join(",")
        );
        let out = self.shell(&make, folder).output().unwrap();
        assert!(out.status.success(), "{out:?}");
        let app: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        let cert = self.path(folder).join("cert.pem").display().to_string();
        fs::write(self.path(folder).join("key.txt"), app["secretKey"].as_str().unwrap()).unwrap();
        self.set("SDKAPPID", app["sdkAppID"].to_string());
        self.set("API_SECRET", app["apiSecret"].as_str().unwrap());
        self.set("CURL_CA_BUNDLE", cert.clone());
        self.set("SSL_CERT_FILE", cert);
        let text =
            "exec tring serve --tls-cert cert.pem --tls-key key.pem --tls-listen 0.0.0.0:443".to_owned();
        self.run(&Block { language: "sh".into(), text, line: 0 }, Serves, folder);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}
