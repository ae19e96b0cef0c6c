package gate

// ForgetJob is what the timetable enqueues every day.
type ForgetJob = forgetJob
