//! Fields of fixed length in what is encoded by hand: pins, and the tokens of previews.

/// The `N` bytes that begin at `at`. Both lengths are known when this is compiled, so that it costs one load.
pub(super) fn field<const N: usize, const M: usize>(bytes: &[u8; M], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}
