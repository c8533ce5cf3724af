//! What the tests of the example share: the program as a child process, a small HTTP client, and an
//! upstream that stands in for a provider. Everything stays on the loopback interface.
#![allow(dead_code, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A file of examples/data.
pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../data")
        .join(name)
}

/// The program, in an empty environment and in `home`.
pub(crate) fn nis(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nis"));
    command.env_clear().env("HOME", home).current_dir(home);
    // Instrumented builds write their figures where this says.
    if let Some(profile) = std::env::var_os("LLVM_PROFILE_FILE") {
        command.env("LLVM_PROFILE_FILE", profile);
    }
    command
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Waits for the end of a child, and fails where it takes over `limit`.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < limit, "still running after {limit:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// `nis serve` on a free port.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) addr: SocketAddr,
    pub(crate) home: TempDir,
}

impl Server {
    pub(crate) fn start(env: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(home.path().join("stderr.txt")).unwrap();
        let mut child = nis(home.path())
            .args(["serve", "--port", "0"])
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addr = line
            .trim()
            .strip_prefix("listening on http://")
            .and_then(|addr| addr.parse().ok());
        let Some(addr) = addr else {
            let _ = child.kill();
            let log = std::fs::read_to_string(home.path().join("stderr.txt"));
            panic!("did not start: {line:?} {log:?}");
        };
        Server { child, addr, home }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.path().join("stderr.txt")).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        request(self.addr, "GET", path, &[], b"")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string().as_bytes())
    }

    pub(crate) fn post_text(&self, path: &str, body: &[u8]) -> Answer {
        let headers = [("Content-Type", "application/json")];
        request(self.addr, "POST", path, &headers, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }
}

/// One request over its own connection.
pub(crate) fn request(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = open(addr, method, path, headers, body.len());
    stream.write_all(body).unwrap();
    receive(stream)
}

/// Opens a connection and sends the head of a request.
pub(crate) fn open(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    length: usize,
) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream.set_nodelay(true).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if length > 0 {
        head.push_str(&format!("Content-Length: {length}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads an answer to the end of the connection.
pub(crate) fn receive(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no head in {:?}", String::from_utf8_lossy(&bytes)));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: Vec<_> = lines
        .map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_owned(), value.trim().to_owned())
        })
        .collect();
    let answer = Answer {
        status: status.parse().unwrap(),
        headers,
        body: bytes[end + 4..].to_vec(),
    };
    assert_ne!(
        answer.header("transfer-encoding"),
        Some("chunked"),
        "this client does not read chunks"
    );
    answer
}

/// How the stand-in provider answers.
#[derive(Clone, Copy)]
pub(crate) enum Upstream {
    /// With a text.
    Text(&'static str),
    /// With a text, after a while.
    Slow(&'static str, Duration),
    /// With an HTTP error whose message holds what must not reach a client.
    Fails(u16, &'static str),
}

/// A stand-in for a provider that speaks the chat-completions wire.
pub(crate) struct Mock {
    pub(crate) addr: SocketAddr,
    requests: Arc<AtomicUsize>,
    pub(crate) bodies: Arc<Mutex<Vec<Value>>>,
}

impl Mock {
    pub(crate) fn start(how: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mock = Mock {
            addr: listener.local_addr().unwrap(),
            requests: Arc::default(),
            bodies: Arc::default(),
        };
        let (requests, bodies) = (mock.requests.clone(), mock.bodies.clone());
        // The thread ends with the test process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (requests, bodies) = (requests.clone(), bodies.clone());
                thread::spawn(move || serve_one(stream.unwrap(), how, &requests, &bodies));
            }
        });
        mock
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Waits until the first request arrived.
    pub(crate) fn wait_for_request(&self) {
        let start = Instant::now();
        while self.requests() == 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "no request came");
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve_one(stream: TcpStream, how: Upstream, requests: &AtomicUsize, bodies: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    if first.is_empty() {
        return;
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    requests.fetch_add(1, Ordering::SeqCst);
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    bodies.lock().unwrap().push(body);
    let completion = |text: &str| {
        serde_json::json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-mock",
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": text}}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        })
    };
    let (status, body) = match how {
        Upstream::Text(text) => (200, completion(text)),
        Upstream::Slow(text, time) => {
            thread::sleep(time);
            (200, completion(text))
        }
        Upstream::Fails(status, message) => (
            status,
            serde_json::json!({"error": {"message": message, "type": "x", "code": "x"}}),
        ),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // The caller may be gone, which is then what the test is about.
    let _ = reader
        .get_mut()
        .write_all(format!("{head}{body}").as_bytes());
}
