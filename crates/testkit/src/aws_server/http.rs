//! As much of HTTP/1.1 as a client of one request after the other needs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, TcpStream};

/// The longest body of a request that is read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// A request.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query as they came.
    pub(super) target: String,
    pub(super) path: String,
    /// Decoded keys and values, in order.
    pub(super) query: Vec<(String, String)>,
    /// By name in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Request {
    /// Reads the next request of a connection; nothing at its end.
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut parts = line.split_whitespace();
        let mut request = Self { method: text(parts.next()), ..Self::default() };
        let target = text(parts.next());
        let (path, query) = target.split_once('?').unwrap_or((target.as_str(), ""));
        path.clone_into(&mut request.path);
        request.query = pairs(query);
        request.target = target;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = request.header("content-length").parse().unwrap_or(0).min(BODY_BYTES_MAX);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        request.body = String::from_utf8_lossy(&body).into_owned();
        Ok(Some(request))
    }

    /// Sends the request to another server and reads what it answers.
    pub(super) fn pass_on(&self, to: SocketAddr) -> io::Result<Response> {
        let mut stream = TcpStream::connect(to)?;
        // One request for each connection: the answer ends where the connection does.
        let mut text = format!("{} {} HTTP/1.0\r\nhost: {to}\r\n", self.method, self.target);
        let own = ["host", "connection", "content-length", "transfer-encoding"];
        for (name, value) in self.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
            let _written = write!(text, "{name}: {value}\r\n");
        }
        let _written = write!(text, "content-length: {}\r\n\r\n{}", self.body.len(), self.body);
        stream.write_all(text.as_bytes())?;
        Response::read(&mut io::BufReader::new(stream))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The body's form, decoded.
    pub(super) fn form(&self) -> BTreeMap<String, String> {
        pairs(&self.body).into_iter().collect()
    }

    /// What the signature says: key id, region and service.
    pub(super) fn signature(&self) -> (&str, &str, &str) {
        let credential = self.header("authorization").split("Credential=").nth(1);
        let mut parts = credential.unwrap_or_default().split('/');
        let key = parts.next().unwrap_or_default();
        let mut rest = parts.skip(1);
        (key, rest.next().unwrap_or_default(), rest.next().unwrap_or_default())
    }

    /// The account of the credentials: the digits of the key id.
    pub(super) fn account(&self) -> String {
        self.signature().0.chars().filter(char::is_ascii_digit).take(12).collect()
    }

    /// The account whose role the request assumes, if it does.
    pub(super) fn assumed_account(&self) -> Option<String> {
        let form = self.form();
        let assumes = form.get("Action").is_some_and(|action| action == "AssumeRole");
        let arn = form.get("RoleArn").filter(|_| assumes)?;
        arn.split(':').nth(4).map(ToOwned::to_owned)
    }

    /// What makes the same request the same when it is sent again.
    pub(super) fn identity(&self, account: &str) -> String {
        let (_, region, service) = self.signature();
        format!(
            "{account} {region} {service} {} {} {:?} {} {}",
            self.method,
            self.path,
            self.query,
            self.header("x-amz-target"),
            self.body
        )
    }
}

fn text(part: Option<&str>) -> String {
    part.unwrap_or_default().to_owned()
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(key), decoded(value))
    };
    parts.map(pair).collect()
}

/// A text with its `%3A` read as the characters that they stand for.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        if let Some(value) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(value);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(if *first == b'+' { b' ' } else { *first });
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A response.
#[derive(Debug, Clone)]
pub(super) struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    pub(super) fn good(kind: &str, body: String) -> Self {
        Self { status: 200, headers: vec![("content-type".to_owned(), kind.to_owned())], body }
    }

    /// An error as a protocol writes it; the text repeats what a service may repeat.
    pub(super) fn error(protocol: &str, status: u16, code: &str) -> Self {
        let message = "not this time, hunter2-in-an-error";
        let mut headers = Vec::new();
        let body = match protocol {
            "ec2" => format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error>\
                 </Errors><RequestID>r</RequestID></Response>"
            ),
            "query" => format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>\
                 <Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
            ),
            "rest-xml" => {
                format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
            }
            "json" => format!("{{\"__type\":\"com.amazon#{code}\",\"message\":\"{message}\"}}"),
            _ => {
                headers.push(("x-amzn-errortype".to_owned(), format!("{code}:http://internal/")));
                format!("{{\"message\":\"{message}\"}}")
            }
        };
        Self { status, headers, body }
    }

    /// The text of an element of XML.
    pub(super) fn element(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        rest.split_once("</").map(|(text, _)| text)
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Reads an answer that ends with its connection.
    fn read(reader: &mut impl BufRead) -> io::Result<Self> {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let status = line.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let name = name.to_ascii_lowercase();
            if !["content-length", "connection", "transfer-encoding"].contains(&name.as_str()) {
                headers.push((name, value.trim().to_owned()));
            }
        }
        let mut body = Vec::new();
        reader.read_to_end(&mut body)?;
        Ok(Self { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text =
            format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            let _written = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text.push_str(&self.body);
        text.into_bytes()
    }

    pub(super) fn send(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.write_all(&self.bytes())
    }

    /// Sends all but the second half of the body.
    pub(super) fn send_half(&self, mut stream: &TcpStream) -> io::Result<()> {
        let bytes = self.bytes();
        let length = bytes.len().saturating_sub(self.body.len().div_ceil(2));
        stream.write_all(bytes.get(..length).unwrap_or_default())
    }
}
