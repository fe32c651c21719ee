# Interface target for every folder of ours: warnings, hardening.
add_library(mxseal_options INTERFACE)
target_compile_options(mxseal_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -fstack-protector-strong $<$<CXX_COMPILER_ID:GNU>:-fstack-clash-protection -fcf-protection>)
target_compile_definitions(mxseal_options INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2> _GLIBCXX_ASSERTIONS SPDLOG_FMT_EXTERNAL
  _TURN_OFF_PLATFORM_STRING) # cpprestsdk: no macro named U
target_link_options(mxseal_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
target_include_directories(mxseal_options INTERFACE ${PROJECT_SOURCE_DIR})

# mxseal_library(NAME SOURCES.. [PUBLIC libs..] [PRIVATE libs..]): a static library of a folder, with the alias mxseal::NAME.
function(mxseal_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(mxseal_${name} STATIC ${arg_SOURCES})
  add_library(mxseal::${name} ALIAS mxseal_${name})
  target_link_libraries(mxseal_${name} PUBLIC mxseal_options ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()
