//! How a source may write its timestamps: a file a format, and a line here.

mod epoch;
mod timestamps;

use std::sync::Arc;

use crate::kinds::kinds;
pub(crate) use timestamps::Timestamps;

kinds! {
    /// `source.http.cursor.format`
    pub(crate) enum TimeFormat: Timestamps {
        mod rfc3339: Rfc3339;
        mod epoch_s: EpochS;
        mod epoch_ms: EpochMs;
    }
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self::Rfc3339(Arc::new(rfc3339::Rfc3339))
    }
}
