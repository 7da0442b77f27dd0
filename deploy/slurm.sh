#!/bin/bash
#SBATCH --job-name=intermask
#SBATCH --array=1-16
#SBATCH --gpus=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --signal=TERM@180
#SBATCH --requeue
# One dataset by a Slurm array, a shard per task; the last task makes the dataset of all parts.
#   PROMPTS=prompts/big.txt OUT=runs/big sbatch deploy/slurm.sh
# Without GPUs leave out --gpus. SIGTERM comes 180 s before the time is up: the current part is finished, and the
# task queues itself again. The number of shards stands here and in --array. It stays when a few tasks are run
# again, as in `sbatch --array=7,15 deploy/slurm.sh` (SLURM_ARRAY_TASK_COUNT would then be 2).
SHARDS=${SHARDS:-16}
PROMPTS=${PROMPTS:-prompts/big.txt}
OUT=${OUT:-runs/big}

cd "$SLURM_SUBMIT_DIR" || exit 1
srun intermask generate "$PROMPTS" --out "$OUT" --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --rejected-ok
code=$?
if [ $code -eq 143 ]; then # interrupted and resumable
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
fi
exit $code
