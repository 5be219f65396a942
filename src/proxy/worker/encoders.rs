//! The encoders of one worker's responses: lent while a response is compressed, used again afterwards.
//!
//! An encoder's memory is most of what a compressed response costs, and a stream that lasts keeps it. So a limit says how much of
//! it may be lent. Beyond it responses go out as they are.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write as _},
    rc::Rc,
};

use brotli::{CompressorWriter, enc::BrotliEncoderParams};
use flate2::{Compress, Compression, FlushCompress, Status};
use zstd::stream::raw::{CParameter, Encoder as Zstd, InBuffer, Operation as _, OutBuffer};

use crate::proxy::codec::coding::Coding;

/// gzip's level. JSON gets a tenth shorter than with zlib's level 1, in three fifths of its time. With the next one below it gets
/// a quarter longer.
const GZIP_LEVEL: u32 = 2;
/// The size of gzip's window, as a power of two: the largest that clients must know (RFC 1951).
const GZIP_WINDOW_BITS: u8 = 15;
/// Zstandard's level. The next ones take more time and more memory for a hundredth less.
const ZSTD_LEVEL: i32 = 1;
/// The size of Zstandard's window, as a power of two. The default of this level is four times as large and takes as much memory.
const ZSTD_WINDOW_BITS: u32 = 17;
/// Brotli's level: above it time grows faster than what it saves.
const BROTLI_LEVEL: i32 = 3;
/// The size of Brotli's window, as a power of two. With 18, each encoder would take twice as much memory.
const BROTLI_WINDOW_BITS: i32 = 16;
/// How many encoders of one coding are kept for the next responses.
const KEPT_MAX: usize = 16;
/// The room for what an encoder makes in one step, in bytes. There must always be some.
const ROOM_BYTES: usize = 4 * 1024;

/// The encoders of one worker.
#[derive(Default)]
pub struct Encoders {
    gzip: RefCell<Vec<Compress>>,
    zstd: RefCell<Vec<Zstd<'static>>>,
    lent_bytes: Cell<u64>,
    bytes_max: u64,
    /// One was lent since memory was last given back.
    used: Cell<bool>,
}

/// What is done after some data was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// More follows at once: the encoder may keep what it needs for a good result.
    GoOn,
    /// More follows later: everything so far comes out, so that it can be read.
    Flush,
    /// Nothing follows.
    Finish,
}

/// An encoder for one response. It is returned when this is dropped.
pub struct Encoder {
    engine: Option<Engine>,
    from: Rc<Encoders>,
}

enum Engine {
    Gzip(Compress),
    Zstd(Zstd<'static>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
}

impl Encoders {
    /// No encoder is made before it is needed.
    pub fn new(bytes_max: u64) -> Rc<Self> {
        Rc::new(Self { bytes_max, ..Self::default() })
    }

    /// Lends an encoder. `None`: the limit is reached.
    pub fn lend(self: &Rc<Self>, coding: Coding) -> Option<Encoder> {
        let lent_bytes = self.lent_bytes.get() + bytes(coding);
        if lent_bytes > self.bytes_max {
            return None;
        }
        let engine = match coding {
            Coding::Gzip => Engine::Gzip(self.gzip()),
            Coding::Zstd => Engine::Zstd(self.zstd()?),
            Coding::Brotli => Engine::Brotli(Box::new(new_brotli())),
        };
        self.lent_bytes.set(lent_bytes);
        self.used.set(true);
        Some(Encoder { engine: Some(engine), from: Rc::clone(self) })
    }

    /// Gives free encoders back to the allocator, if none was needed since the last time.
    pub fn trim(&self) {
        if !self.used.replace(false) {
            self.gzip.take();
            self.zstd.take();
        }
    }

    fn note_return(&self, coding: Coding) {
        self.lent_bytes.set(self.lent_bytes.get() - bytes(coding));
    }

    fn gzip(&self) -> Compress {
        let Some(mut kept) = self.gzip.borrow_mut().pop() else {
            return Compress::new_gzip(Compression::new(GZIP_LEVEL), GZIP_WINDOW_BITS);
        };
        kept.reset();
        kept
    }

    fn zstd(&self) -> Option<Zstd<'static>> {
        let kept = self.zstd.borrow_mut().pop();
        if let Some(mut kept) = kept
            && kept.reinit().is_ok()
        {
            return Some(kept);
        }
        let mut new = Zstd::new(ZSTD_LEVEL).ok()?;
        new.set_parameter(CParameter::WindowLog(ZSTD_WINDOW_BITS)).ok()?;
        Some(new)
    }
}

fn new_brotli() -> CompressorWriter<Vec<u8>> {
    let (quality, lgwin) = (BROTLI_LEVEL, BROTLI_WINDOW_BITS);
    let params = BrotliEncoderParams { quality, lgwin, ..BrotliEncoderParams::default() };
    CompressorWriter::with_params(Vec::new(), ROOM_BYTES, &params)
}

/// How much memory an encoder takes, in bytes, as measured with these levels and windows.
fn bytes(coding: Coding) -> u64 {
    1_024
        * match coding {
            Coding::Gzip => 330,
            Coding::Zstd => 430,
            Coding::Brotli => 830,
        }
}

impl Encoder {
    /// Puts data in and appends what comes out. After [`Step::Finish`] nothing more may be put in.
    pub fn encode(&mut self, data: &[u8], step: Step, out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.engine {
            Some(Engine::Gzip(gzip)) => encode_gzip(gzip, data, step, out),
            Some(Engine::Zstd(zstd)) => encode_zstd(zstd, data, step, out),
            Some(Engine::Brotli(brotli)) => {
                brotli.write_all(data)?;
                match step {
                    Step::GoOn => out.append(brotli.get_mut()),
                    Step::Flush => {
                        brotli.flush()?;
                        out.append(brotli.get_mut());
                    }
                    Step::Finish => self.finish_brotli(out),
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn finish_brotli(&mut self, out: &mut Vec<u8>) {
        if let Some(Engine::Brotli(brotli)) = self.engine.take() {
            out.append(&mut brotli.into_inner());
            self.from.note_return(Coding::Brotli);
        }
    }
}

fn encode_gzip(gzip: &mut Compress, data: &[u8], step: Step, out: &mut Vec<u8>) -> io::Result<()> {
    let flush = match step {
        Step::GoOn => FlushCompress::None,
        Step::Flush => FlushCompress::Sync,
        Step::Finish => FlushCompress::Finish,
    };
    let begun = gzip.total_in();
    loop {
        out.reserve(ROOM_BYTES);
        // Never more than was put in, so it fits.
        let taken = (gzip.total_in() - begun) as usize;
        let status = gzip.compress_vec(&data[taken..], out, flush)?;
        let whole = gzip.total_in() - begun == data.len() as u64;
        // What is left inside would have filled the room.
        let over =
            if step == Step::Finish { status == Status::StreamEnd } else { out.len() < out.capacity() };
        if whole && over {
            return Ok(());
        }
    }
}

fn encode_zstd(zstd: &mut Zstd<'_>, data: &[u8], step: Step, out: &mut Vec<u8>) -> io::Result<()> {
    let mut input = InBuffer::around(data);
    while input.pos() < data.len() {
        zstd.run(&mut input, &mut with_room(out))?;
    }
    loop {
        let left = match step {
            Step::GoOn => 0,
            Step::Flush => zstd.flush(&mut with_room(out))?,
            Step::Finish => zstd.finish(&mut with_room(out), true)?,
        };
        if left == 0 {
            return Ok(());
        }
    }
}

/// A buffer that appends to `out`.
fn with_room(out: &mut Vec<u8>) -> OutBuffer<'_, Vec<u8>> {
    out.reserve(ROOM_BYTES);
    let end = out.as_slice().len();
    OutBuffer::around_pos(out, end)
}

/// Keeps an encoder for the next responses, unless enough are kept.
fn keep<T>(free: &RefCell<Vec<T>>, encoder: T) {
    let mut free = free.borrow_mut();
    if free.len() < KEPT_MAX {
        free.push(encoder);
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let coding = match self.engine.take() {
            Some(Engine::Gzip(gzip)) => {
                keep(&self.from.gzip, gzip);
                Coding::Gzip
            }
            Some(Engine::Zstd(zstd)) => {
                keep(&self.from.zstd, zstd);
                Coding::Zstd
            }
            Some(Engine::Brotli(_)) => Coding::Brotli,
            None => return,
        };
        self.from.note_return(coding);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Reads what is there of a stream, whether it has ended or not.
    fn decode(coding: Coding, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut reader: Box<dyn Read + '_> = match coding {
            Coding::Gzip => Box::new(flate2::read::GzDecoder::new(bytes)),
            Coding::Brotli => Box::new(brotli::Decompressor::new(bytes, 4_096)),
            Coding::Zstd => Box::new(zstd::stream::read::Decoder::new(bytes).unwrap()),
        };
        let (mut decoded, mut some) = (Vec::new(), [0; 4_096]);
        loop {
            match reader.read(&mut some) {
                Ok(0) => return (decoded, true),
                Ok(read) => decoded.extend_from_slice(&some[..read]),
                Err(_) => return (decoded, false),
            }
        }
    }

    /// Parts of a body: some that compress well and some that do not.
    fn parts() -> impl Strategy<Value = Vec<(Vec<u8>, bool)>> {
        let text = (vec(any::<u8>(), 1..50), 1..800_usize).prop_map(|(unit, times)| unit.repeat(times));
        let noise = (any::<u64>(), 0..40_000_usize).prop_map(|(seed, length)| {
            let next = |state: &u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            std::iter::successors(Some(seed), next)
                .map(|state| (state >> 56) as u8)
                .take(length)
                .collect::<Vec<u8>>()
        });
        vec((prop_oneof![text, noise], any::<bool>()), 0..8)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        /// The same encoders make one stream after the other, some of which are given up in the middle.
        #[test]
        fn what_is_decoded_is_what_was_put_in_and_all_of_it_after_a_flush(streams in vec(parts(), 1..4)) {
            let encoders = Encoders::new(u64::MAX);
            for (coding, parts) in Coding::ALL.into_iter().flat_map(|coding| streams.iter().map(move |parts| (coding, parts))) {
                let given_up = &mut Vec::new();
                encoders.lend(coding).unwrap().encode(b"given up", Step::GoOn, given_up).unwrap();
                let mut encoder = encoders.lend(coding).unwrap();
                let (mut whole, mut out) = (Vec::new(), Vec::new());
                for (part, flushes) in parts {
                    whole.extend_from_slice(part);
                    encoder.encode(part, if *flushes { Step::Flush } else { Step::GoOn }, &mut out).unwrap();
                    if *flushes && !whole.is_empty() {
                        let (decoded, _) = decode(coding, &out);
                        prop_assert!(decoded == whole, "{coding:?}: {} of {}", decoded.len(), whole.len());
                    }
                }
                encoder.encode(&[], Step::Finish, &mut out).unwrap();
                prop_assert!(decode(coding, &out) == (whole, true), "{coding:?}");
            }
        }
    }

    #[test]
    fn no_more_memory_is_lent_than_the_limit_and_it_comes_back() {
        let encoders = Encoders::new(bytes(Coding::Brotli) + bytes(Coding::Gzip));
        let brotli = encoders.lend(Coding::Brotli).unwrap();
        let gzip = encoders.lend(Coding::Gzip).unwrap();
        assert!(encoders.lend(Coding::Gzip).is_none());
        drop(gzip);
        assert!(encoders.lend(Coding::Zstd).is_none(), "it needs more");
        let mut finished = brotli;
        finished.encode(b"a", Step::Finish, &mut Vec::new()).unwrap();
        assert!(encoders.lend(Coding::Zstd).is_some());
        drop(finished);
        assert_eq!(encoders.lent_bytes.get(), 0);
        for kept in [1, 0] {
            encoders.trim();
            assert_eq!(encoders.gzip.borrow().len(), kept, "it was used a moment ago");
        }
    }
}
