//! How a source may write its timestamps: a file a format, and a line here.

mod epoch;
mod timestamps;

use std::sync::Arc;

use crate::kinds::kinds;
pub(crate) use timestamps::{NoMoment, Timestamps};

kinds! {
    /// `source.http.cursor.format`
    pub(crate) enum TimeFormat: Timestamps {
        mod rfc3339: Rfc3339;
        mod rfc2822: Rfc2822;
        mod epoch_s: EpochS;
        mod epoch_ms: EpochMs;
        mod epoch_us: EpochUs;
        mod epoch_ns: EpochNs;
        mod dotnet: Dotnet;
        mod strptime: Strptime;
    }
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self::Rfc3339(Arc::new(rfc3339::Rfc3339))
    }
}
