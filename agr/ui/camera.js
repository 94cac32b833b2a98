// Why a camera cannot be used, and what to do, in sentences: both the photo's and the live tab ask for one.
window.agrCameraProblem = (() => {
    const PROBLEMS = {
        NotAllowedError: 'The camera was refused. Allow it for this page in the browser, beside the address.',
        NotFoundError: 'No camera was found. Connect one.',
        OverconstrainedError: 'That camera is gone. Use another one.',
        NotReadableError: 'The camera cannot be used: another program may hold it. Close that program.',
    };
    return (error) => PROBLEMS[error.name] ?? `The camera cannot be used: ${error.message}.`;
})();
