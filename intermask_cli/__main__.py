"""`python -m intermask_cli`, also for torchrun and accelerate launch."""

from intermask_cli.cli import main

if __name__ == "__main__":
    main()
