//! What can happen: every step is complete in itself, so that any of them may be left out of a sequence.

/// Releases that have endpoints: `v0` and on.
pub const RELEASES: usize = 11;
/// A release whose first endpoint comes late.
pub const LATE: usize = RELEASES;
/// End users.
pub const CLIENTS: usize = 14;

/// How many endpoints a release has.
pub fn endpoints_of(release: usize) -> usize {
    [3, 2, 1, 3, 2][release % 5]
}

/// What a request says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A top-level navigation.
    Navigation,
    /// A page's own fetch: `Sec-Fetch-Mode: cors`, `Sec-Fetch-Dest: empty`.
    Fetch,
    /// Nothing, as curl does.
    Bare,
    /// A fingerprinted asset.
    Asset,
    /// An image of a page.
    Image,
    /// A form of another site, sent here by POST.
    CrossSitePost,
    /// A CORS preflight for a header field that only the release of this number allows.
    Preflight(usize),
}

/// What becomes of a client's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tamper {
    /// It is gone.
    Forget,
    /// One character is another.
    Forge,
    /// It names a key that nobody has.
    ForeignKey,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Visit(usize, Kind),
    /// A visit while every endpoint of the candidate answers 503.
    VisitSick(usize, Kind),
    Tamper(usize, Tamper),
    SetCandidate(usize, Option<u32>),
    SetBlend(u32),
    SetSticky(bool),
    SetStable(usize),
    Promote(Option<usize>),
    Abort(Option<usize>),
    Rollback(Option<usize>),
    FinishDrains,
    RawStable(Option<usize>),
    RawCandidate(Option<usize>),
    RawBlend(u32),
    RawSticky(bool),
    /// Deletes the old key of this number.
    RawDelete(usize),
    Stop(usize, usize),
    Revive(usize, usize),
    /// Takes an endpoint's key out of the store, or puts it back.
    Register(usize, usize, bool),
    RegisterLate,
    Navigate(bool),
    DrainOver(bool),
    ShortLived(bool),
    /// Sets a stable release whose predecessor may drain for one second, and lets that pass.
    SetStableBriefly(usize),
    Restart,
}

/// Numbers that look random and are the same for a seed.
pub struct Draw(pub u64);

impl Draw {
    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).expect("it is below a usize")
    }

    fn maybe<T>(&mut self, value: T) -> Option<T> {
        (self.below(2) == 0).then_some(value)
    }

    /// A blend in hundredths of a percent.
    fn blend(&mut self) -> u32 {
        [0, 1, 500, 1_250, 3_333, 5_000, 9_000, 10_000][self.below(8)]
    }

    fn kind(&mut self) -> Kind {
        [Kind::Navigation, Kind::Navigation, Kind::Fetch, Kind::Bare, Kind::Asset][self.below(5)]
    }

    /// Also those that are never sent twice, or never by a client.
    fn any_kind(&mut self) -> Kind {
        match self.below(10) {
            0 => Kind::Image,
            1 => Kind::CrossSitePost,
            2 => Kind::Preflight(self.release()),
            _ => self.kind(),
        }
    }

    /// One of the first few more often, so that releases come back.
    fn release(&mut self) -> usize {
        let most = [3, 6, RELEASES][self.below(3)];
        self.below(most)
    }

    fn endpoint(&mut self) -> (usize, usize) {
        let release = self.release();
        (release, self.below(endpoints_of(release)))
    }

    /// The next step; so many in ten thousand are of each kind.
    pub fn step(&mut self) -> Step {
        let client = self.below(CLIENTS);
        match self.below(10_000) {
            0..7_400 => Step::Visit(client, self.any_kind()),
            7_400..7_450 => Step::VisitSick(client, self.kind()),
            7_450..8_150 => Step::Tamper(
                client,
                [Tamper::Forget, Tamper::Forget, Tamper::Forge, Tamper::ForeignKey][self.below(4)],
            ),
            8_150..9_150 => self.command(),
            9_150..9_500 => self.raw(),
            9_500..9_600 => self.registration(),
            9_600..9_680 => self.failure(),
            9_680..9_980 => self.setting(),
            9_980..9_990 => Step::SetStableBriefly(self.release()),
            _ => Step::Restart,
        }
    }

    fn command(&mut self) -> Step {
        let release = self.release();
        match self.below(20) {
            0..5 => {
                let blend = self.blend();
                Step::SetCandidate(release, self.maybe(blend))
            }
            5..10 => Step::SetBlend(self.blend()),
            10 => Step::SetSticky(self.below(4) > 0),
            11 => Step::SetStable(release),
            12..14 => Step::Promote(None),
            14 => Step::Promote(Some(release)),
            15 => Step::Abort(None),
            16 => Step::Abort(Some(release)),
            17 => Step::Rollback(None),
            18 => Step::Rollback(Some(release)),
            _ => Step::FinishDrains,
        }
    }

    fn raw(&mut self) -> Step {
        let release = self.release();
        match self.below(12) {
            0..3 => Step::RawStable(Some(release)),
            3 => Step::RawStable([None, Some(LATE)][self.below(2)]),
            4..7 => Step::RawCandidate(Some(release)),
            7 => Step::RawCandidate(None),
            8..10 => Step::RawBlend(self.blend()),
            10 => Step::RawSticky(self.below(4) > 0),
            _ => Step::RawDelete(self.below(4)),
        }
    }

    fn registration(&mut self) -> Step {
        let (release, number) = self.endpoint();
        match self.below(20) {
            0 => Step::RegisterLate,
            1..8 => Step::Register(release, number, false),
            _ => Step::Register(release, number, true),
        }
    }

    fn failure(&mut self) -> Step {
        let (release, number) = self.endpoint();
        if self.below(5) < 2 { Step::Stop(release, number) } else { Step::Revive(release, number) }
    }

    fn setting(&mut self) -> Step {
        match self.below(10) {
            0..2 => Step::Navigate(true),
            2..5 => Step::Navigate(false),
            5 => Step::DrainOver(true),
            6..9 => Step::DrainOver(false),
            _ => Step::ShortLived(self.below(3) == 0),
        }
    }
}
