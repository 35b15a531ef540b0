#!/usr/bin/env bash
# Formats the Swift sources in place, by .swift-format.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$REPOSITORY"
swift format format --in-place --parallel --recursive Sources Tests Benchmarks Snippets Package.swift
