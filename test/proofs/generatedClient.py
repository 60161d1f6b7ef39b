"""Calls a gateway with every module of the generated Python client: generatedClient.py URL KEY USER."""

import importlib
import pkgutil
import sys

import generated
from generated.api.default import cancel, content, events, languages, list_, live, status, submit
from generated.client import AuthenticatedClient
from generated.models import Error, FinalFrame, Submit
from generated.models.submission_details import SubmissionDetails

url, key, user = sys.argv[1:]

modules = [module.name for module in pkgutil.walk_packages(generated.__path__, "generated.")]
for module in modules:
    importlib.import_module(module)
assert len(modules) > 50, modules

client = AuthenticatedClient(base_url=url, token=key, prefix="", auth_header_name="X-API-Key", timeout=120)

taken = submit.sync(client=client, body=Submit(user_id=user, code="print('broken'", deploy=False), wait=50)
assert isinstance(taken, SubmissionDetails), taken
details = status.sync(taken.submission_id, client=client, wait=50)
assert isinstance(details.result, FinalFrame), details
assert details.result.status == "tests_failed", details.result
assert details.result.reason == "syntax_error", details.result

stream = events.sync(taken.submission_id, client=client)
assert "event: " in stream or "data: " in stream, stream
assert '"status":"tests_failed"' in stream, stream

listed = list_.sync(client=client, user=user)
assert taken.submission_id in [submission.submission_id for submission in listed.submissions], listed
assert cancel.sync(taken.submission_id, client=client).state == "over"
assert "python" in [language.name for language in languages.sync(client=client).languages]
assert live.sync(user, client=client).user_id == user
content.sync(taken.submission_id, client=client)

missing = status.sync("nobody-sent-it", client=client)
assert isinstance(missing, Error) and missing.code == "not_found", missing
print("the generated client works")
