//! Networks as drawings: SVG, HTML, DOT and Mermaid.

#![forbid(unsafe_code)]
