# SPDX-License-Identifier: MIT
# Sourced after setup.sh by what starts MPI programs: on_ranks COUNT PROGRAM [ARGUMENT...], by the
# mpirun of Open MPI or MPICH; MPIRUN names another. With Open MPI as root too, as in a container,
# and with more ranks than cores; MPICH does not mind.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe

on_ranks() { "${MPIRUN:-mpirun}" -n "$@"; }
