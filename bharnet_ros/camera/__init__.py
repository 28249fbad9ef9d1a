"""The estimator's process: pictures of a camera in, poses of people out."""
