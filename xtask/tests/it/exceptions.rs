//! What may be otherwise than a rule says. Lines are removed and amounts lowered, never the
//! other way round: a new exception needs a better reason than that the rule is in the way.

use crate::ratchet::Exception;

/// The list.
pub(crate) const EXCEPTIONS: &[Exception] = &[];
