//! Estate, Workload, Endpoint, Labels; the Network.
