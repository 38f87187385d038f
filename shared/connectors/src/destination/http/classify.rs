//! What a status code means, by what to do next. Pure: the table is its test.

use tidegate_core::model::Blame;

/// A flow's own codes, and what its address says about the rest.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// It has the record already.
    pub(super) duplicate: Vec<u16>,
    /// It will never take the record.
    pub(super) refuse: Vec<u16>,
    /// It may take it later.
    pub(super) retry: Vec<u16>,
    /// Whether the address names the record: then "not found" is about the record; otherwise the
    /// address is wrong, and every record would be parked for it.
    pub(super) names_record: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Delivered,
    Duplicate,
    Refused,
    Later { blame: Blame, unknown: bool },
}

const LATER_REQUEST: Verdict = Verdict::Later { blame: Blame::Request, unknown: false };
const LATER_DESTINATION: Verdict = Verdict::Later { blame: Blame::Destination, unknown: false };
const LATER_LIMIT: Verdict = Verdict::Later { blame: Blame::Limit, unknown: false };
/// The server failed in the middle of it: nobody knows how far it got.
const LATER_UNKNOWN: Verdict = Verdict::Later { blame: Blame::Request, unknown: true };

impl Rules {
    /// What a status code says about a request. The flow's own codes come first.
    pub(super) fn verdict(&self, status: u16) -> Verdict {
        if self.duplicate.contains(&status) {
            return Verdict::Duplicate;
        }
        if self.refuse.contains(&status) {
            return Verdict::Refused;
        }
        if self.retry.contains(&status) {
            return LATER_REQUEST;
        }
        match status {
            200..=299 => Verdict::Delivered,
            // Credentials, or a proxy's; a record cannot help it.
            401 | 403 | 407 => LATER_DESTINATION,
            404 | 405 | 410 if !self.names_record => LATER_DESTINATION,
            408 | 425 => LATER_REQUEST,
            429 => LATER_LIMIT,
            400..=499 => Verdict::Refused,
            503 => LATER_DESTINATION,
            500..=599 => LATER_UNKNOWN,
            // A redirect is never followed with a record in hand: the flow's address is wrong.
            _ => LATER_DESTINATION,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_says_what_to_do_next() {
        let rules = Rules::default();
        for (statuses, verdict) in [
            (&[200, 201, 202, 204, 207, 226][..], Verdict::Delivered),
            (&[400, 402, 406, 409, 411, 412, 413, 414, 415, 422, 428, 431, 451], Verdict::Refused),
            (&[401, 403, 407, 404, 405, 410], LATER_DESTINATION),
            (&[408, 425], LATER_REQUEST),
            (&[429], LATER_LIMIT),
            (&[503], LATER_DESTINATION),
            (&[500, 501, 502, 504, 507, 520, 529, 599], LATER_UNKNOWN),
            (&[100, 300, 301, 302, 303, 304, 307, 308, 600, 999], LATER_DESTINATION),
        ] {
            for status in statuses {
                assert_eq!(rules.verdict(*status), verdict, "{status}");
            }
        }
    }

    #[test]
    fn where_the_address_names_the_record_not_found_is_about_the_record() {
        let rules = Rules { names_record: true, ..Rules::default() };
        for status in [404, 405, 410] {
            assert_eq!(rules.verdict(status), Verdict::Refused, "{status}");
        }
        assert_eq!(rules.verdict(401), LATER_DESTINATION);
    }

    #[test]
    fn the_flows_own_codes_come_first() {
        let rules = Rules {
            duplicate: vec![409],
            refuse: vec![500],
            retry: vec![422, 200],
            names_record: false,
        };
        assert_eq!(rules.verdict(409), Verdict::Duplicate);
        assert_eq!(rules.verdict(500), Verdict::Refused);
        assert_eq!(rules.verdict(422), LATER_REQUEST);
        assert_eq!(rules.verdict(200), LATER_REQUEST);
    }
}
