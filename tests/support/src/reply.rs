//! What a scripted endpoint does once it has read a request.

/// One act of a scripted endpoint. The bytes are sent as they are, valid or not.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Send these bytes and keep the connection.
    Bytes(Vec<u8>),
    /// Send these bytes and close in order.
    Close(Vec<u8>),
    /// Send these bytes and reset the connection.
    Reset(Vec<u8>),
    /// Send these bytes, then nothing, with the connection open.
    Hang(Vec<u8>),
}

impl Reply {
    /// A complete response with a length, on a connection that stays.
    pub fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::response("200 OK", &[], body)
    }

    /// A complete response with this status (`"404 Not Found"`) and further header lines.
    pub fn response(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len()).into_bytes();
        for (name, value) in headers {
            bytes.extend(format!("{name}: {value}\r\n").into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(body);
        Self::Bytes(bytes)
    }
}
