//! Bodies of every framing: what is data, and where the body ends.

use super::{chunked::ChunkedDecoder, fault::Malformed, head::Framing, piece::Piece};

/// Reads one body.
#[derive(Debug, Clone)]
pub enum BodyDecoder {
    /// This many bytes are left.
    Length(u64),
    /// Chunks.
    Chunked(ChunkedDecoder),
    /// Everything up to the end of the connection.
    UntilClose,
}

impl BodyDecoder {
    /// A decoder for a body of this framing.
    pub fn new(framing: Framing, extension_bytes_max: u32) -> Self {
        match framing {
            Framing::None => Self::Length(0),
            Framing::Length(length) => Self::Length(length),
            Framing::Streamed => Self::Chunked(ChunkedDecoder::new(extension_bytes_max)),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// From now on lines between chunks may end with a bare line feed, and sizes may have blanks around them.
    pub fn allow_lenient(&mut self) {
        if let Self::Chunked(decoder) = self {
            decoder.allow_lenient();
        }
    }

    /// Whether something was let pass, asked once.
    pub fn take_let_pass(&mut self) -> bool {
        match self {
            Self::Chunked(decoder) => decoder.take_let_pass(),
            _ => false,
        }
    }

    /// Whether the body has ended.
    pub fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(decoder) => decoder.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Decodes what was read, in place. Bytes behind the body's end are not consumed.
    pub fn decode(&mut self, bytes: &mut [u8]) -> Result<Piece, Malformed> {
        match self {
            Self::Length(left) => {
                let length = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= length as u64;
                Ok(Piece { data: 0..length, consumed: length, done: *left == 0 })
            }
            Self::Chunked(decoder) => decoder.decode(bytes),
            Self::UntilClose => Ok(Piece { data: 0..bytes.len(), consumed: bytes.len(), done: false }),
        }
    }

    /// What the end of the connection means here: the end of the body, or a body that was cut.
    pub fn end_of_connection(&self) -> Result<(), Malformed> {
        match self {
            Self::UntilClose => Ok(()),
            _ if self.is_done() => Ok(()),
            _ => Err(Malformed("the connection ended inside a body")),
        }
    }

    /// The trailer section, if there was one; see [`super::trailers`].
    pub fn take_trailers(&mut self) -> Vec<u8> {
        match self {
            Self::Chunked(decoder) => decoder.take_trailers(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_takes_exactly_its_bytes() {
        let mut body = BodyDecoder::new(Framing::Length(5), 0);
        assert_eq!(body.decode(&mut b"abc".to_vec()), Ok(Piece { data: 0..3, consumed: 3, done: false }));
        assert!(body.end_of_connection().is_err());
        assert_eq!(body.decode(&mut b"deGET".to_vec()), Ok(Piece { data: 0..2, consumed: 2, done: true }));
        assert!(body.is_done() && body.end_of_connection().is_ok());
    }

    #[test]
    fn only_an_unframed_body_may_end_with_its_connection() {
        assert!(BodyDecoder::new(Framing::UntilClose, 0).end_of_connection().is_ok());
        assert!(BodyDecoder::new(Framing::Streamed, 0).end_of_connection().is_err());
        assert!(BodyDecoder::new(Framing::None, 0).is_done());
    }
}
