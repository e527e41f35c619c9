"""What the tests with real servers are built of: servers, the program, fingerprints, the test case.

Test files put the folder above on their path and import from here:

    import os, sys
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    from harness.testcase import LiveCase, main
"""
