//! Responses of old endpoints, for apps that set `lenient_responses`.

use super::{download::UnreadBytes, state::Exchange};
use crate::proxy::{
    codec::{
        body::BodyDecoder,
        lenient::{Repair, mend},
    },
    downstream::Downstream,
    forward::{account::tell_let_pass, failure::Failure},
};

impl<D: Downstream> Exchange<'_, D> {
    /// Mends a head that was refused, so that it is read again. `Ok(false)` if it is not whole.
    #[cold]
    pub(super) fn mend_head(
        &mut self,
        incoming: &mut UnreadBytes,
        refused: Failure,
    ) -> Result<bool, Failure> {
        if !self.is_lenient() || !matches!(refused, Failure::Malformed(_)) {
            return Err(refused);
        }
        let bytes = &incoming.lease.space()[incoming.start..incoming.end];
        match mend(bytes) {
            Repair::Nothing => Err(refused),
            Repair::Partial if bytes.len() < self.worker.limits().response_header_bytes_max as usize => {
                Ok(false)
            }
            Repair::Partial => Err(refused),
            Repair::Whole(mut mended, length, what) => {
                mended.extend_from_slice(&bytes[length..]);
                tell_let_pass(&self.plan, what);
                // A bare line feed has become two bytes.
                if incoming.lease.space().len() < mended.len() {
                    incoming.lease = self.worker.buffers.lend(true);
                }
                let space = incoming.lease.space();
                let space = space.get_mut(..mended.len()).ok_or(Failure::Resources)?;
                space.copy_from_slice(&mended);
                (incoming.start, incoming.end) = (0, mended.len());
                Ok(true)
            }
        }
    }

    /// Lets the body's reader be as lenient as the app asks for.
    pub(super) fn allow_lenient(&self, decoder: &mut BodyDecoder) {
        if self.is_lenient() {
            decoder.allow_lenient();
        }
    }

    /// Says in the log what was let pass of the body.
    #[cold]
    pub(super) fn tell_lenient_body(&mut self) {
        if self.download.decoder.as_mut().is_some_and(BodyDecoder::take_let_pass) {
            tell_let_pass(&self.plan, "its chunks have blanks around their sizes, or bare line feeds");
        }
    }

    /// Whether the app lets responses pass that break some rules.
    pub(super) fn is_lenient(&self) -> bool {
        self.plan.app.routes.settings.lenient_responses
    }
}
