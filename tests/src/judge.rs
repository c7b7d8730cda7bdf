//! HTTP/1.1 as strictly as it can be read: what the gateway sends must be a message in one way only (RFC 9112).

use crate::wire::Fields;

/// A message on the wire, whole.
#[derive(Clone, Debug)]
pub struct Message {
    /// Request line or status line.
    pub start: String,
    pub fields: Fields,
    pub body: Vec<u8>,
    pub trailers: Fields,
    /// How many bytes it was.
    pub size: usize,
}

/// What bytes may be, other than a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The beginning of one.
    Incomplete,
    /// No message, and why.
    Malformed(String),
}

type Judged<T> = Result<T, Flaw>;

impl Message {
    /// Whether and as what a request stands at the beginning of `bytes`.
    pub fn request(bytes: &[u8]) -> Judged<Self> {
        let mut reader = Reader { bytes, at: 0 };
        let start = reader.line()?;
        let words: Vec<_> = start.split(' ').collect();
        let [method, target, "HTTP/1.1"] = words[..] else { return malformed("request line", &start) };
        if !is_token(method) || target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return malformed("request line", &start);
        }
        reader.rest(start, Unframed::None)
    }

    /// The response to a request with this method at the beginning of `bytes`; a body without a length goes on to their
    /// end.
    pub fn response(bytes: &[u8], method: &str) -> Judged<Self> {
        let mut reader = Reader { bytes, at: 0 };
        let start = reader.line()?;
        // Clients that speak HTTP/1.0 are answered in it.
        let status = start.strip_prefix("HTTP/1.1 ").or_else(|| start.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.split_once(' ')).map(|(status, _)| status);
        let Some(Ok(status)) = status.map(str::parse::<u16>) else { return malformed("status line", &start) };
        let bodiless = method == "HEAD" || status < 200 || matches!(status, 204 | 304);
        reader.rest(start, if bodiless { Unframed::Never } else { Unframed::ToTheEnd })
    }

    /// The status of a response.
    pub fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// All values of a field.
    pub fn values(&self, name: &str) -> Vec<&str> {
        values(&self.fields, name)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What a body is whose length is not said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unframed {
    None,
    ToTheEnd,
    /// There is no body, whatever the head says.
    Never,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn rest(mut self, start: String, unframed: Unframed) -> Judged<Message> {
        let fields = self.fields()?;
        let (lengths, codings) = (values(&fields, "content-length"), values(&fields, "transfer-encoding"));
        let mut trailers = Fields::new();
        let body = match (&lengths[..], &codings[..]) {
            _ if unframed == Unframed::Never && lengths.len() + codings.len() <= 1 => Vec::new(),
            ([], []) if unframed == Unframed::ToTheEnd => self.take(self.bytes.len() - self.at)?,
            ([], []) => Vec::new(),
            ([length], []) if !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.take(length.parse().map_err(|_| Flaw::Malformed(format!("length {length:?}")))?)?
            }
            ([], ["chunked"]) if !start.starts_with("HTTP/1.0") => {
                let body = self.chunks()?;
                trailers = self.fields()?;
                body
            }
            _ => return malformed("framing", &format!("{lengths:?} {codings:?}")),
        };
        Ok(Message { start, fields, body, trailers, size: self.at })
    }

    fn fields(&mut self) -> Judged<Fields> {
        let mut fields = Fields::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(fields);
            }
            match line.split_once(':') {
                Some((name, value)) if is_token(name) => {
                    fields.push((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()));
                }
                _ => return malformed("field", &line),
            }
        }
    }

    fn chunks(&mut self) -> Judged<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let digits = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_hexdigit());
            let size = usize::from_str_radix(&line, 16).ok().filter(|_| digits);
            match size {
                None => return malformed("chunk size", &line),
                Some(0) => return Ok(body),
                Some(size) => body.extend(self.take(size)?),
            }
            let end = self.line()?;
            if !end.is_empty() {
                return malformed("end of a chunk", &end);
            }
        }
    }

    /// A line that ends with CRLF and has no other control character than tabs.
    fn line(&mut self) -> Judged<String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n').ok_or(Flaw::Incomplete)?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        match line.strip_suffix('\r') {
            Some(line) if !line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') => Ok(line.to_owned()),
            _ => malformed("line", &line),
        }
    }

    fn take(&mut self, size: usize) -> Judged<Vec<u8>> {
        let taken = self.bytes[self.at..].get(..size).ok_or(Flaw::Incomplete)?;
        self.at += size;
        Ok(taken.to_vec())
    }
}

fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a str> {
    fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
}

fn malformed<T>(what: &str, text: &str) -> Judged<T> {
    Err(Flaw::Malformed(format!("{what}: {text:?}")))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
