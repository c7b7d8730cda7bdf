//! HTTP/1.1 on the wire, as client and upstream both need it: heads and framed bodies, without judging them.

use std::io::{self, BufRead, Read, Write};

/// Header fields in the order they came, names in lower case.
pub(crate) type Fields = Vec<(String, String)>;

/// The start line and the fields of a message; `UnexpectedEof` with no bytes read when the peer has closed.
pub fn read_head(reader: &mut impl BufRead) -> io::Result<(String, Vec<(String, String)>)> {
    let start = read_line(reader)?;
    let mut fields = Vec::new();
    loop {
        let line = read_line(reader)?;
        if line.is_empty() {
            return Ok((start, fields));
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid("a field without a colon"))?;
        fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

pub(crate) fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(field, _)| field == name);
    found.map(|(_, value)| value.as_str())
}

pub(crate) fn is_chunked(fields: &Fields) -> bool {
    field(fields, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
}

pub(crate) fn length(fields: &Fields) -> Option<u64> {
    field(fields, "content-length")?.parse().ok()
}

/// The content of a chunked body, to its end.
pub(crate) fn read_chunked(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(reader)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| invalid("a chunk without a size"))?;
        if size == 0 {
            while !read_line(reader)?.is_empty() {}
            return Ok(body);
        }
        let before = body.len() as u64;
        reader.by_ref().take(size).read_to_end(&mut body)?;
        if body.len() as u64 - before < size || !read_line(reader)?.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

pub(crate) fn read_exactly(reader: &mut impl Read, length: u64) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

pub(crate) fn write_chunk(writer: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
    chunk.extend_from_slice(bytes);
    chunk.extend_from_slice(b"\r\n");
    writer.write_all(&chunk)
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}
