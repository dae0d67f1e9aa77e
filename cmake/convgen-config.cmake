# Layers and models as libraries: convgen_add_layer and convgen_add_model (docs/using-the-c.md).
#
# The C is generated while CMake configures: its sizes then are properties, which the project can
# decide by. Spec, arrays, model and whatever files OPTIONS name make CMake configure again when
# they change; convgen runs only where they, the options or convgen itself have.
cmake_minimum_required(VERSION 3.20)

get_filename_component(_convgen_environment "${CMAKE_CURRENT_LIST_DIR}/../../../../../.." ABSOLUTE)
if(NOT CONVGEN_EXECUTABLE) # find_program would make absolute paths of a list's words
    find_program(CONVGEN_EXECUTABLE convgen
        HINTS "${_convgen_environment}" "${CMAKE_CURRENT_LIST_DIR}/../.venv"
        PATH_SUFFIXES bin Scripts
        NO_CMAKE_FIND_ROOT_PATH
        DOC "the command convgen, or a list of its words, such as python;-m;convgen")
endif()
if(NOT CONVGEN_EXECUTABLE)
    set(convgen_FOUND FALSE)
    set(convgen_NOT_FOUND_MESSAGE "CONVGEN_EXECUTABLE: expected the command convgen, found none")
    return()
endif()

function(convgen_add_layer app)
    _convgen_parse(${ARGN})
    file(READ "${_convgen_SPEC}" text)
    string(JSON name ERROR_VARIABLE error GET "${text}" name)
    if(error)
        message(FATAL_ERROR "SPEC: expected a layer's with a name, got ${_convgen_SPEC}: ${error}")
    endif()
    string(REGEX MATCHALL "\"file\"[ \t\r\n]*:[ \t\r\n]*\"[^\"]*\"" arrays "${text}")
    list(TRANSFORM arrays REPLACE "^.*:[ \t\r\n]*\"([^\"]*)\"$" "\\1")
    get_filename_component(folder "${_convgen_SPEC}" DIRECTORY)
    list(TRANSFORM arrays PREPEND "${folder}/")
    list(REMOVE_DUPLICATES arrays)
    _convgen_add(${app} ${name} "${arrays}" ${_convgen_OPTIONS})
endfunction()

function(convgen_add_model app)
    _convgen_parse(${ARGN})
    if(NOT _convgen_NAME)
        get_filename_component(stem "${_convgen_SPEC}" NAME_WE)
        string(MAKE_C_IDENTIFIER "${stem}" _convgen_NAME)
    endif()
    _convgen_add(${app} ${_convgen_NAME} "" --name ${_convgen_NAME} ${_convgen_OPTIONS})
endfunction()

# Sets _convgen_SPEC, an absolute path, and the other arguments in the caller.
macro(_convgen_parse)
    cmake_parse_arguments(_convgen "" "SPEC;TARGET;BUDGET;NAME" "OPTIONS" ${ARGN})
    if(_convgen_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "expected SPEC, TARGET, BUDGET, NAME, OPTIONS; "
            "got ${_convgen_UNPARSED_ARGUMENTS}")
    endif()
    foreach(_convgen_argument SPEC TARGET)
        if(NOT _convgen_${_convgen_argument})
            message(FATAL_ERROR "${_convgen_argument}: expected a value, got none")
        endif()
    endforeach()
    get_filename_component(_convgen_SPEC "${_convgen_SPEC}" ABSOLUTE)
    if(NOT EXISTS "${_convgen_SPEC}")
        message(FATAL_ERROR "SPEC: expected a file, found none at ${_convgen_SPEC}")
    endif()
endmacro()

# Generates the library convgen_<name> of SPEC and of the files ARRAYS, and links it to APP.
function(_convgen_add app name arrays)
    set(library convgen_${name})
    set(folder "${CMAKE_CURRENT_BINARY_DIR}/${library}")
    set(options --target ${_convgen_TARGET} ${ARGN})
    if(_convgen_BUDGET)
        list(APPEND options --budget ${_convgen_BUDGET})
    endif()
    _convgen_generate("${folder}" "${options}" "${arrays}")

    file(GLOB sources "${folder}/*.c")
    add_library(${library} STATIC ${sources})
    target_include_directories(${library} PUBLIC "${folder}")
    file(READ "${folder}/report.json" report)
    string(JSON flags GET "${report}" toolchain flags)
    string(REGEX MATCH "-O[0-9a-z]+" optimization "${flags}")
    target_compile_options(${library} PRIVATE ${optimization})
    set_target_properties(${library} PROPERTIES CONVGEN_REPORT "${folder}/report.json")
    _convgen_add_sizes(${library} "${report}")
    target_link_libraries(${app} PRIVATE ${library})
endfunction()

# Runs convgen into FOLDER if anything that its output depends on has changed.
function(_convgen_generate folder options arrays)
    set(inputs "${_convgen_SPEC}" ${arrays})
    foreach(option IN LISTS options)
        get_filename_component(path "${option}" ABSOLUTE)
        if(EXISTS "${path}" AND NOT IS_DIRECTORY "${path}")
            list(APPEND inputs "${path}")
        endif()
    endforeach()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${inputs})

    execute_process(COMMAND ${CONVGEN_EXECUTABLE} --version
        OUTPUT_VARIABLE recipe COMMAND_ERROR_IS_FATAL ANY)
    string(APPEND recipe "${options}\n")
    foreach(input IN LISTS inputs)
        set(digest "missing")
        if(EXISTS "${input}")
            file(SHA256 "${input}" digest)
        endif()
        string(APPEND recipe "${digest}  ${input}\n")
    endforeach()
    set(made "")
    if(EXISTS "${folder}.recipe" AND EXISTS "${folder}/report.json")
        file(READ "${folder}.recipe" made)
    endif()
    if(made STREQUAL recipe)
        return()
    endif()

    message(STATUS "convgen: ${_convgen_SPEC} for ${_convgen_TARGET}")
    file(REMOVE_RECURSE "${folder}")
    execute_process(
        COMMAND ${CONVGEN_EXECUTABLE} ${options} --out "${folder}" "${_convgen_SPEC}"
        WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
        RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE said)
    if(NOT status EQUAL 0)
        message(FATAL_ERROR "${said}")
    endif()
    file(WRITE "${folder}.recipe" "${recipe}")
endfunction()

# Makes every size of the REPORT a property: CONVGEN_MEMORY_TOTAL, CONVGEN_FLASH_CODE and so on.
function(_convgen_add_sizes library text)
    foreach(group memory flash)
        string(JSON count LENGTH "${text}" ${group})
        math(EXPR last "${count} - 1")
        foreach(index RANGE ${last})
            string(JSON key MEMBER "${text}" ${group} ${index})
            string(JSON kind TYPE "${text}" ${group} ${key})
            if(kind STREQUAL "NUMBER")
                string(JSON bytes GET "${text}" ${group} ${key})
                string(TOUPPER "CONVGEN_${group}_${key}" property)
                set_target_properties(${library} PROPERTIES ${property} ${bytes})
            endif()
        endforeach()
    endforeach()
endfunction()
