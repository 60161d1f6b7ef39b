
# pod.sh appends this to the supervisor's execution.py: the step that a run names in its variable FAULT fails.
def _may_fail(name):
    original = getattr(Execution, name)

    def replaced(self, *arguments, **named):
        if self._request.env.get("FAULT") == name:
            raise RuntimeError(f"{name} failed")
        return original(self, *arguments, **named)

    setattr(Execution, name, replaced)


for each in ("_on_data", "_watch", "_check_time", "_record", "_start"):
    _may_fail(each)
