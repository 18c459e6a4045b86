//! The command line: configuration, graph, registry.
