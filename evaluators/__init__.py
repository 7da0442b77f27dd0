"""Measuring interactions: metrics, evaluators (text-motion encoders), physics, protocols, reports."""
