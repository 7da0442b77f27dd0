"""From prompts to datasets.

What commands call lies here: `requests` (options to jobs), `job` (a run from plan to dataset), `estimate`
(what it would cost), `growing`, `joining` and `merging` (runs that exist). It imports from the rooms, highest
first:

* `ray`: workers on a cluster; `given`: motions that jobs start from; `prompt_sets`: sets of prompts
* `workers`: the engine, its model, and processes of this machine
* `run`: the plan of a run, its parts and its directory, until they are one dataset
* `prompts`: files of prompts, with ids and seeds
"""
