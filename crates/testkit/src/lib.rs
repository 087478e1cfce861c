//! Generators and slow, obvious twins; a dev-dependency only.
