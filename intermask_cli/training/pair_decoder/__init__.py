"""Optional last stage: the pair decoder, trained to correct decoded motion of both persons together."""
