"""What is known about each account: comparison of two scans (pure), and Azure Table Storage to keep it.

Knows nothing of Microsoft Graph, of the rules, or of the channels that tell people: it takes and returns plain data.

- ``model``       the records, as frozen dataclasses
- ``compare``     previous state and new observations -> new state and changes
- ``flapping``    findings that come and go, damped
- ``store``       the accounts, their findings, and the changes that wait to be told
- ``runs``        one record per scan
- ``lease``       keeps two scans of the same tenant from overlapping
- ``exceptions``  findings that somebody accepted until a date
- ``retention``   deletes what is old, and everything about one account
"""
