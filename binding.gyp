# The addon: `core` is the remuxer without Node, `remux` its N-API face (addon/node/ alone).
# Built by `make native`; files are found in the tree, so a new one needs no line here.
{
  'variables': {
    'san%': '',
    'lto%': 0,
    'libav': 'libavcodec libavutil libswresample',
  },
  'target_defaults': {
    # node's own configuration appends its C++ standard after ours: taken out by name, or C++20 is off.
    'cflags_cc!': ['-fno-exceptions', '-fno-rtti', '-std=gnu++17', '-std=gnu++20', '-std=c++17'],
    'cflags_cc': ['-std=c++20', '-fexceptions', '-Wall', '-Wextra', '-fvisibility=hidden', '-fno-math-errno'],
    'cflags': ['<!@(pkg-config --cflags-only-I <(libav))'],
    'configurations': {
      'Release': {'cflags': ['-O3'], 'defines': ['NDEBUG']},
      'Debug': {'defines': ['_GLIBCXX_ASSERTIONS']},
    },
    'conditions': [
      ['san!=""', {
        'cflags': ['-fsanitize=<(san)', '-fno-omit-frame-pointer', '-g'],
        'ldflags': ['-fsanitize=<(san)'],
      }],
      ['lto==1', {
        'cflags': ['-flto'],
        'ldflags': ['-flto', '-O3'],
      }],
    ],
  },
  'targets': [
    {
      'target_name': 'core',
      'type': 'static_library',
      'sources': ['<!@(find addon -name "*.cc" ! -path "addon/node/*" | sort)'],
      'include_dirs': ['addon'],
      'cflags_cc': ['-fPIC'],
    },
    {
      'target_name': 'remux',
      'dependencies': ['core'],
      'sources': ['<!@(find addon/node -name "*.cc" | sort)'],
      'include_dirs': ['addon', '<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': [
        'NAPI_VERSION=9',
        # A std::exception that leaves the addon becomes a JavaScript error, not an abort.
        'NODE_ADDON_API_CPP_EXCEPTIONS_ALL',
        # worker.terminate() during a native call: without it the process aborts.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
      ],
      'libraries': ['<!@(pkg-config --libs <(libav))'],
    },
  ],
}
