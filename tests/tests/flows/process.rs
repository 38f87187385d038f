//! The command line as a process that can be killed.
//!
//! The test binary itself is that process: started again with only the test below and the arguments
//! in the environment, it is `tidegate`. So the tests never run an older program than they test.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

const ARGUMENTS: &str = "TIDEGATE_TEST_ARGUMENTS";
/// No command under test takes as long.
const PATIENCE: Duration = Duration::from_secs(180);

/// Not a test of its own: `tidegate`, where the environment asks for it.
#[test]
fn tidegate_process() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let arguments: Vec<String> = serde_json::from_str(&arguments).expect("the parent wrote it");
    tidegate::main_with(
        std::iter::once("tidegate".into()).chain(arguments.into_iter().map(Into::into)),
    )
    .report();
}

trait Report {
    fn report(self) -> !;
}

impl Report for std::process::ExitCode {
    /// Ends the process as `main` would: an exit code can be compared, but not read.
    fn report(self) -> ! {
        let code = (0..=255u8).find(|code| std::process::ExitCode::from(*code) == self);
        std::process::exit(i32::from(code.unwrap_or(255)))
    }
}

/// A command line, with its environment.
pub struct Tidegate {
    arguments: Vec<String>,
    secrets: Vec<(String, String)>,
    memory_kb: Option<u64>,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// `tidegate` with these arguments.
pub fn tidegate<I: Into<String>>(arguments: impl IntoIterator<Item = I>) -> Tidegate {
    let arguments = arguments.into_iter().map(Into::into).collect();
    Tidegate { arguments, secrets: Vec::new(), memory_kb: None }
}

impl Tidegate {
    /// With this secret in the environment.
    pub fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((tidegate_flow::secret_variable(name), value.to_owned()));
        self
    }

    /// With so much memory and no more.
    pub fn memory_kb(mut self, memory_kb: u64) -> Self {
        self.memory_kb = Some(memory_kb);
        self
    }

    pub fn start(&self) -> Child {
        let this = std::env::current_exe().expect("this program has a path");
        let mut command = match self.memory_kb {
            None => Command::new(this),
            Some(memory_kb) => {
                let mut shell = Command::new("sh");
                let limited = format!("ulimit -v {memory_kb} && exec \"$0\" \"$@\"");
                shell.args(["-c", &limited]).arg(this);
                shell
            }
        };
        command
            .args([
                "flows::process::tidegate_process",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ARGUMENTS, serde_json::to_string(&self.arguments).expect("texts"))
            .envs(self.secrets.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process")
    }

    /// Runs it to its end.
    pub fn run(&self) -> Ended {
        let mut child = self.start();
        let mut stdout = child.stdout.take().expect("piped");
        let mut stderr = child.stderr.take().expect("piped");
        let read_err = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text)
        });
        let read_out = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                break status;
            }
            if began.elapsed() > PATIENCE {
                child.kill().expect("it is ours");
                panic!("{:?} did not end", self.arguments);
            }
            thread::sleep(Duration::from_millis(10));
        };
        let read = |reader: thread::JoinHandle<std::io::Result<String>>| {
            reader.join().expect("the reader ended").expect("it is text")
        };
        Ended { code: status.code(), stdout: read(read_out), stderr: read(read_err) }
    }
}

impl Ended {
    /// The JSON object of the last line that is one.
    pub fn json(&self) -> Value {
        // The test harness writes its own words before it, on the same line.
        let line = self.stdout.lines().rev().find_map(|line| line.find('{').map(|at| &line[at..]));
        let line = line.unwrap_or_else(|| panic!("no JSON in {self:?}"));
        serde_json::from_str(line).expect("JSON")
    }

    /// The JSON, of a command that ended well.
    pub fn fine(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self.json()
    }
}
