"""Readers: files of recorded people -> labelled sequences."""
