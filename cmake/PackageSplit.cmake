# Run by cpack before it packs: takes the shared libraries themselves, which are in the package
# `runtime`, out of `development`; the links to them that the linker looks for stay.
file(GLOB_RECURSE libraries LIST_DIRECTORIES FALSE
  ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/development/*.so.*)
if(libraries)
  file(REMOVE ${libraries})
endif()
