//! Hops, breach chains, blast radius, score, cut set.
