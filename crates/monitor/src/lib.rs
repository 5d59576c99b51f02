//! Events to ranked alerts, by pure, versioned rules.
