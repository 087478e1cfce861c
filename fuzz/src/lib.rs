//! Fuzz targets as functions.
