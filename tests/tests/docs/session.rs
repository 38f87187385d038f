//! A reader's shell: a folder with the files that the documents name, and `tidegate` on the PATH.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    process::{Command, ExitStatus},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    markdown::{Block, root},
    stand_in,
};

/// The example addresses of the documents: the stand-in answers for both.
const ADDRESSES: [&str; 2] = ["https://desk.example", "https://crm.example"];

/// No block of the documents takes as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// `tidegate` is this test binary, asked for one test: see [`crate::flows::process`]. No argument in
/// the documents needs more of JSON than quotes.
const TIDEGATE: &str = r#"#!/bin/sh
for argument in "$@"; do list="$list,\"$argument\""; done
TIDEGATE_TEST_ARGUMENTS="[${list#,}]" exec "$TEST_BINARY" \
  flows::process::tidegate_process --exact --nocapture --quiet --test-threads=1
"#;

/// What a reader has done before.
pub(super) struct SetUp<'a> {
    /// Files that blocks name in their first line.
    pub(super) files: Vec<(&'a str, &'a str)>,
    pub(super) exports: Vec<String>,
}

/// One shell after the other, in one folder.
pub(super) struct Session<'a> {
    folder: TempDir,
    set_up: &'a SetUp<'a>,
}

impl<'a> Session<'a> {
    pub(super) fn new(set_up: &'a SetUp<'a>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["flows", "tests", "cli", "docs"] {
            symlink(root().join(name), folder.path().join(name)).expect("a link");
        }
        for (name, text) in &set_up.files {
            fs::write(folder.path().join(name), text).expect("it can be written");
        }
        let tools = folder.path().join("bin");
        fs::create_dir(&tools).expect("a folder");
        fs::write(tools.join("tidegate"), TIDEGATE).expect("it can be written");
        let all_may_run = fs::Permissions::from_mode(0o755);
        fs::set_permissions(tools.join("tidegate"), all_may_run).expect("it is ours");
        Self { folder, set_up }
    }

    /// Runs these lines; what was seen, where one of them fails.
    pub(super) fn run(&self, block: &Block, lines: &[String]) -> Option<String> {
        if lines.is_empty() {
            return None;
        }
        let lines: Vec<&str> =
            self.set_up.exports.iter().chain(lines).map(String::as_str).collect();
        let script = ADDRESSES.iter().fold(lines.join("\n"), |script, address| {
            script.replace(address, address_of_stand_in())
        });
        // What the reader is to fill in.
        let script = script.replace('…', "something");
        let status = self.ended(&script);
        (!status.is_some_and(|status| status.success())).then(|| {
            let said = fs::read_to_string(self.folder.path().join("said")).unwrap_or_default();
            format!("{}: {status:?}\n{said}", block.place())
        })
    }

    /// Runs a script to its end, or for as long as a reader would wait. What it says goes to a file.
    fn ended(&self, script: &str) -> Option<ExitStatus> {
        let folder = self.folder.path();
        let said = File::create(folder.join("said")).expect("a file");
        let mut shell = Command::new("sh")
            .args(["-euxc", script])
            .current_dir(folder)
            .process_group(0)
            .env("PATH", format!("{}:/usr/bin:/bin", folder.join("bin").display()))
            .env("TEST_BINARY", std::env::current_exe().expect("this program has a path"))
            .stdout(said.try_clone().expect("a second handle"))
            .stderr(said)
            .spawn()
            .expect("a shell");
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = shell.try_wait().expect("it can be waited for") {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(10));
        }
        // With what it started: the group is its own.
        let group = format!("-{}", shell.id());
        Command::new("kill").args(["--", &group]).status().expect("there is a `kill`");
        shell.wait().expect("it was ended");
        None
    }
}

fn address_of_stand_in() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(stand_in::start)
}
