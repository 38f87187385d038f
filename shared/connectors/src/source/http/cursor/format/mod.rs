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

impl TimeFormat {
    /// The format of this name, or of this pattern; `None` where there is none.
    pub(crate) fn named(text: &str) -> Option<Self> {
        Some(match text {
            "rfc3339" => Self::default(),
            "rfc2822" => Self::Rfc2822(Arc::new(rfc2822::Rfc2822)),
            "epoch_s" => Self::EpochS(Arc::new(epoch_s::EpochS)),
            "epoch_ms" => Self::EpochMs(Arc::new(epoch_ms::EpochMs)),
            "epoch_us" => Self::EpochUs(Arc::new(epoch_us::EpochUs)),
            "epoch_ns" => Self::EpochNs(Arc::new(epoch_ns::EpochNs)),
            "dotnet" => Self::Dotnet(Arc::new(dotnet::Dotnet)),
            pattern => Self::Strptime(Arc::new(strptime::Strptime::of(pattern)?)),
        })
    }
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self::Rfc3339(Arc::new(rfc3339::Rfc3339))
    }
}
